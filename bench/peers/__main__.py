"""`python -m bench.peers`: build the programs that the benchmarks compare with."""

from bench.peers.programs import BENTO, S5CMD


def main() -> None:
    """Build what is not there yet, the small one first."""
    for program in (S5CMD, BENTO):
        print(f"{program.name} {program.version}: {'present' if program.find() else 'building'}", flush=True)
        program.build()


if __name__ == "__main__":
    main()

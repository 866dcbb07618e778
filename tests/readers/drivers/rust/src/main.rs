//! Lists archives with the crates `tar` and `flate2`, whose `GzDecoder` reads one gzip member.
use std::fs::File;
use std::io::{self, Read, Write};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use tar::Archive;

fn list(path: &str, out: &mut impl Write) -> io::Result<()> {
    let mut archive = Archive::new(GzDecoder::new(File::open(path)?));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let mut digest = Sha256::new();
        io::copy(&mut entry, &mut digest)?;
        out.write_all(&entry.path_bytes())?;
        writeln!(out, "\t{}", hex(&digest.finalize()))?;
    }
    // The checksum is behind the tar's end.
    archive.into_inner().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for path in std::env::args().skip(1) {
        match list(&path, &mut out) {
            Ok(()) => writeln!(out, "end")?,
            Err(error) => {
                eprintln!("{path}: {error}");
                writeln!(out, "failed")?;
            }
        }
    }
    Ok(())
}

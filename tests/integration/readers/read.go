// Command read lists a .tar.gz with Go's own readers: one line a file, "<name as hex> <size> <mtime> <sha256>".
package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
)

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		log.Fatal(err)
	}
	entries := tar.NewReader(unzipped)
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		digest := sha256.New()
		size, err := io.Copy(digest, entries)
		if err != nil {
			log.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg || header.FileInfo().Mode() != 0o644 {
			log.Fatalf("%q is no regular file with mode 0644", header.Name)
		}
		fmt.Printf("%x %d %d %x\n", header.Name, size, header.ModTime.Unix(), digest.Sum(nil))
	}
	// The checksum of the last gzip member is checked at its end only.
	if _, err := io.Copy(io.Discard, unzipped); err != nil {
		log.Fatal(err)
	}
}

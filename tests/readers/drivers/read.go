// Command read lists archives with Go's own compress/gzip and archive/tar.
package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, path := range os.Args[1:] {
		if err := list(path, out); err != nil {
			log.Printf("%s: %v", path, err)
			fmt.Fprintln(out, "failed")
		} else {
			fmt.Fprintln(out, "end")
		}
	}
}

func list(path string, out io.Writer) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	entries := tar.NewReader(unzipped)
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		digest := sha256.New()
		if _, err := io.Copy(digest, entries); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\t%x\n", header.Name, digest.Sum(nil))
	}
	// The checksum is behind the tar's end.
	_, err = io.Copy(io.Discard, unzipped)
	return err
}

// Audits an exported ledger with golang.org/x/mod and none of the project's own code: the note, every entry under the
// signed root through tile hashes, the consistency of an older size, and one receipt.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func fail(format string, arguments ...any) {
	fmt.Printf("FAIL "+format+"\n", arguments...)
	os.Exit(1)
}

// files reads tiles of an export; Go's paths begin with the height, those of C2SP tlog-tiles do not.
type files struct {
	directory string
	size      int64
}

func (files) Height() int                         { return height }
func (files) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, 0, len(tiles))
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		bytes, err := os.ReadFile(filepath.Join(f.directory, path))
		if err != nil {
			return nil, err
		}
		data = append(data, bytes)
	}
	return data, nil
}

func entriesPath(n int64, width int64) string {
	tile := tlog.Tile{H: height, L: 0, N: n, W: int(width)}
	return strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
}

func parseRoot(text string) (int64, tlog.Hash) {
	lines := strings.Split(text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		fail("size: %v", err)
	}
	bytes, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(bytes) != tlog.HashSize {
		fail("root %q", lines[2])
	}
	var root tlog.Hash
	copy(root[:], bytes)
	return size, root
}

func main() {
	directory, vkey, oldSizeText, oldRootText, receipt := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		fail("vkey: %v", err)
	}
	read := func(path string) []byte {
		bytes, err := os.ReadFile(path)
		if err != nil {
			fail("%v", err)
		}
		return bytes
	}
	opened, err := note.Open(read(filepath.Join(directory, "checkpoint")), note.VerifierList(verifier))
	if err != nil {
		fail("note: %v", err)
	}
	size, root := parseRoot(opened.Text)
	fmt.Printf("note ok: %d verified, %d unknown; size %d\n", len(opened.Sigs), len(opened.UnverifiedSigs), size)

	// HashReader checks every tile that it reads against the root.
	hashes := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, files{directory, size})
	entries := 0
	for start := int64(0); start < size; start += 256 {
		width := min(256, size-start)
		bundle := read(filepath.Join(directory, entriesPath(start/256, width)))
		indexes := make([]int64, 0, width)
		leaves := make([]tlog.Hash, 0, width)
		for place := int64(0); place < width; place++ {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				fail("bundle %d is cut off", start/256)
			}
			length := int(binary.BigEndian.Uint16(bundle))
			leaves = append(leaves, tlog.RecordHash(bundle[2:2+length]))
			bundle = bundle[2+length:]
			indexes = append(indexes, tlog.StoredHashIndex(0, start+place))
		}
		if len(bundle) != 0 {
			fail("bundle %d is longer than its entries", start/256)
		}
		found, err := hashes.ReadHashes(indexes)
		if err != nil {
			fail("tiles: %v", err)
		}
		for place, hash := range found {
			if hash != leaves[place] {
				fail("entry %d is not the one in the tree", start+int64(place))
			}
			entries++
		}
	}
	fmt.Printf("full audit ok, entries %d\n", entries)

	oldSize, err := strconv.ParseInt(oldSizeText, 10, 64)
	if err != nil {
		fail("old size: %v", err)
	}
	_, oldRoot := parseRoot("\n0\n" + oldRootText)
	proof, err := tlog.ProveTree(size, oldSize, hashes)
	if err != nil {
		fail("prove: %v", err)
	}
	if err := tlog.CheckTree(proof, size, root, oldSize, oldRoot); err != nil {
		fail("consistency: %v", err)
	}
	fmt.Printf("consistency ok %d -> %d\n", oldSize, size)

	checkReceipt(string(read(receipt)), read(receipt+".entry"), verifier)
}

func checkReceipt(text string, entry []byte, verifier note.Verifier) {
	head, checkpoint, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != "c2sp.org/tlog-proof@v1" {
		fail("receipt: no tlog-proof")
	}
	opened, err := note.Open([]byte(checkpoint), note.VerifierList(verifier))
	if err != nil {
		fail("receipt: %v", err)
	}
	size, root := parseRoot(opened.Text)
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		fail("receipt: %v", err)
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			fail("receipt: %v", err)
		}
		proof = append(proof, hash)
	}
	if err := tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entry)); err != nil {
		fail("receipt: %v", err)
	}
	fmt.Printf("inclusion ok idx %d\n", index)
}

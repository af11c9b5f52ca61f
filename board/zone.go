package board

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"time"
)

// zones is Go's own zip of the time zones, whose entries are stored as they
// are, packed as a whole: a board's root file system has none, and time/tzdata
// would take four times the flash.
//
//go:generate sh -c "gzip -9n -c $(go env GOROOT)/lib/time/zoneinfo.zip > zoneinfo.zip.gz"
//go:embed zoneinfo.zip.gz
var zones []byte

// Zone gives a time zone by its name, as time.LoadLocation does: the system's,
// or else the one that the program brings.
func Zone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err == nil {
		return zone, nil
	}
	data, own := zoneData(name)
	if own != nil {
		return nil, err
	}
	return time.LoadLocationFromTZData(name, data)
}

func zoneData(name string) ([]byte, error) {
	packed, err := gzip.NewReader(bytes.NewReader(zones))
	if err != nil {
		return nil, fmt.Errorf("board: the time zones: %w", err)
	}
	all, err := io.ReadAll(packed)
	if err != nil {
		return nil, fmt.Errorf("board: the time zones: %w", err)
	}
	archive, err := zip.NewReader(bytes.NewReader(all), int64(len(all)))
	if err != nil {
		return nil, fmt.Errorf("board: the time zones: %w", err)
	}
	f, err := archive.Open(name)
	if err != nil {
		return nil, fmt.Errorf("board: time zone %s: %w", name, err)
	}
	defer f.Close()
	return io.ReadAll(f)
}

package store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestStartsAloneWriteNothing: a thousand starts in a row, each ended or killed
// before anything happened, leave a full ring as it was, also one that had no
// clean end.
func TestStartsAloneWriteNothing(t *testing.T) {
	for _, clean := range []bool{true, false} {
		t.Run(fmt.Sprintf("clean end %v", clean), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ring")
			open := func() *Ring {
				t.Helper()
				r, err := Open(path, Options{Geometry: Geometry{Size: MinSize}, Flush: time.Hour})
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			r := open()
			if err := r.SetCursor("u", 0); err != nil {
				t.Fatal(err)
			}
			for n := range 5000 {
				if _, err := r.Append(fmt.Appendf(nil, "record %d of the outage", n)); err != nil {
					t.Fatal(err)
				}
				if n%100 == 99 {
					if err := r.Flush(); err != nil {
						t.Fatal(err)
					}
				}
			}
			if clean {
				if err := r.commit(true); err != nil {
					t.Fatal(err)
				}
			}
			first, last := r.Stats().First, r.Stats().Last
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for n := range 1000 {
				r := open()
				if n%2 == 0 { // ended
					ctx, cancel := context.WithCancel(t.Context())
					cancel()
					if err := r.Run(ctx); err != nil {
						t.Fatal(err)
					}
				}
				if s := r.Stats(); s.BytesWritten > 0 || s.First != first || clean && s.Last != last {
					t.Fatalf("start %d: %+v", n, s)
				}
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
			}
			after, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(before, after) {
				t.Error("the file was written")
			}
			r = open() // and what is appended then has a number of its own
			if seq, err := r.Append([]byte("after all")); err != nil || seq <= last {
				t.Errorf("number %d after %d, %v", seq, last, err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

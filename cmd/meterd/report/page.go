package report

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
)

// packed is all of the page that stands before its data, as TestThePageIsPacked
// makes it of the files in page/.
//
//go:generate go test -run ThePageIsPacked -update
//go:embed page.gz
var packed []byte

// head writes it.
func (p *printer) head() error {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	if _, err := io.Copy(p, r); err != nil { // a printer is a Writer alone, which is copied to in pieces
		return err
	}
	return p.err
}

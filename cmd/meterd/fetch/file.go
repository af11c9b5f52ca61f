package fetch

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// File is a file on a server, read once from its beginning to its end. Where
// the connection breaks it goes on by a Range; from a server that knows none what
// came already is read again and thrown away.
type File struct {
	URL    string
	Header map[string]string
	Size   int64  // bytes; anything else that comes is an error
	Digest string // hexadecimal, of MD5 or SHA-256; "": none
	TLS    *tls.Config
	// Good tells what is wrong with an answer beyond its status; nil: nothing is.
	Good func(header func(name string) string) error
	// Told is called with each percent that has come; nil: nobody is told.
	Told func(percent int)
	// Pause gives how long to wait before the nth try in a row that brings nothing;
	// nil: some seconds, growing to minutes.
	Pause func(n int) time.Duration

	ctx     context.Context
	at      int64         // what was given
	body    io.ReadCloser // nil: none is open
	sum     hash.Hash     // nil: no digest
	bad     int           // tries in a row that brought nothing
	came    bool          // something, of the answer that is open
	stepAt  int64         // what had come at the last step
	step    time.Time     // when that was
	percent int
	end     error
}

var (
	// ErrDigest says that the file is not the one that was named.
	ErrDigest = errors.New("fetch: the file's digest is another one")
	// ErrBroken says that it did not come whole, however often it was tried.
	ErrBroken = errors.New("fetch: the file does not come")
	// ErrRefused says that the server will not give it.
	ErrRefused = errors.New("fetch: the server does not give the file")
)

const (
	// piece is how much is asked for at a time.
	piece = 1 << 20
	// mostTries is how many tries in a row may bring nothing.
	mostTries = 12
	// stepBytes are to come within stepFor, else that counts as such a try: a server
	// that gives a byte now and then is not waited for.
	stepBytes = 64 << 10
	stepFor   = 10 * time.Minute
)

// Open gives the file ready to be read, until the context ends.
func (f *File) Open(ctx context.Context) error {
	f.ctx = ctx
	if f.Size < 1 {
		f.end = ErrRefused
		return fmt.Errorf("%w: a file of %d bytes", ErrRefused, f.Size)
	}
	switch len(f.Digest) {
	case 0:
	case 2 * md5.Size:
		f.sum = md5.New()
	case 2 * sha256.Size:
		f.sum = sha256.New()
	default:
		f.end = ErrRefused
		return fmt.Errorf("%w: a digest of %d digits is neither MD5 nor SHA-256", ErrRefused, len(f.Digest))
	}
	return nil
}

// Close ends the reading.
func (f *File) Close() error {
	if f.body == nil {
		return nil
	}
	err := f.body.Close()
	f.body = nil
	return err
}

// Read gives the next bytes, however often the connection breaks in between.
// The end is io.EOF only where size and digest are right.
func (f *File) Read(b []byte) (int, error) {
	for f.end == nil {
		if f.at == f.Size {
			f.end = f.judge()
			break
		}
		if f.body == nil {
			if err := f.ask(); err != nil {
				f.failed(err)
				continue
			}
		}
		n, err := f.body.Read(b[:min(int64(len(b)), f.Size-f.at)])
		if n > 0 {
			f.came = true
			f.at += int64(n)
			f.stride()
			if f.sum != nil {
				f.sum.Write(b[:n])
			}
			if percent := int(f.at * 100 / f.Size); percent > f.percent && f.Told != nil {
				f.percent = percent
				f.Told(percent)
			}
		}
		if err != nil {
			f.Close()
			if !f.came {
				f.failed(err)
			}
		}
		if n > 0 {
			return n, nil
		}
	}
	f.Close()
	return 0, f.end
}

// stride takes note of what has come.
func (f *File) stride() {
	now := time.Now()
	switch {
	case f.at-f.stepAt >= stepBytes || f.at == f.Size:
		f.bad, f.stepAt, f.step = 0, f.at, now
	case f.step.IsZero():
		f.step = now
	case now.Sub(f.step) > stepFor:
		f.stepAt, f.step = f.at, now
		f.Close()
		f.failed(errSlow)
	}
}

var errSlow = fmt.Errorf("fewer than %d KiB came in %v", stepBytes>>10, stepFor)

func (f *File) judge() error {
	if f.sum != nil && !strings.EqualFold(hex.EncodeToString(f.sum.Sum(nil)), f.Digest) {
		return ErrDigest
	}
	return io.EOF
}

// failed counts a try that brought nothing, and waits before the next.
func (f *File) failed(err error) {
	f.bad++
	switch {
	case f.ctx.Err() != nil:
		f.end = f.ctx.Err()
		return
	case errors.Is(err, ErrRefused):
		f.end = err
		return
	case f.bad >= mostTries:
		f.end = fmt.Errorf("%w: %w", ErrBroken, err)
		return
	}
	pause := min(5*time.Second<<(f.bad-1), 5*time.Minute)
	if f.Pause != nil {
		pause = f.Pause(f.bad)
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-f.ctx.Done():
		f.end = f.ctx.Err()
	case <-t.C:
	}
}

// ask asks for the next piece.
func (f *File) ask() error {
	r, err := http.NewRequestWithContext(f.ctx, http.MethodGet, f.URL, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	for name, value := range f.Header {
		r.Header.Set(name, value)
	}
	r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", f.at, min(f.at+piece, f.Size)-1))
	resp, err := Do(f.ctx, r, f.TLS)
	if err != nil {
		return err
	}
	if err := f.take(resp); err != nil {
		resp.Body.Close()
		return err
	}
	f.body, f.came = resp.Body, false
	return nil
}

// part reads a Content-Range, "bytes FROM-TO/SIZE".
func part(s string) (from, size int64, ok bool) {
	s, unit := strings.CutPrefix(s, "bytes ")
	span, whole, slash := strings.Cut(s, "/")
	first, _, dash := strings.Cut(span, "-")
	from, fromErr := strconv.ParseInt(first, 10, 64)
	size, sizeErr := strconv.ParseInt(whole, 10, 64)
	return from, size, unit && slash && dash && fromErr == nil && sizeErr == nil
}

// take looks at an answer and goes to where it is to go on.
func (f *File) take(resp *http.Response) error {
	if f.Good != nil {
		if err := f.Good(resp.Header.Get); err != nil {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	switch code := resp.StatusCode; {
	case code == http.StatusPartialContent:
		if from, size, ok := part(resp.Header.Get("Content-Range")); !ok || from != f.at || size != f.Size {
			return fmt.Errorf("%w: asked for %d of %d bytes on, got %q", ErrRefused, f.at, f.Size, resp.Header.Get("Content-Range"))
		}
	case code == http.StatusOK:
		if resp.ContentLength >= 0 && resp.ContentLength != f.Size {
			return fmt.Errorf("%w: it has %d bytes, want %d", ErrRefused, resp.ContentLength, f.Size)
		}
		if _, err := io.CopyN(io.Discard, resp.Body, f.at); err != nil {
			return err
		}
	case code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		return fmt.Errorf("fetch: %s", resp.Status)
	default:
		return fmt.Errorf("%w: %s", ErrRefused, resp.Status)
	}
	return nil
}

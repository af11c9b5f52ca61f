package fetch

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var content = func() []byte {
	b := make([]byte, 3<<20+12345)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}()

func at(h http.HandlerFunc, t *testing.T) (url string) {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL + "/meterd.update"
}

func whole(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// read reads a file without pauses.
func read(ctx context.Context, f *File) ([]byte, error) {
	f.Pause = func(int) time.Duration { return 0 }
	if f.Size == 0 {
		f.Size = int64(len(content))
	}
	if err := f.Open(ctx); err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// TestAFileComesWhole, from servers that break off, from such as know no
// Range, and from such as are in trouble now and then.
func TestAFileComesWhole(t *testing.T) {
	sum, long := md5.Sum(content), sha256.Sum256(content)
	for _, tc := range []struct {
		name   string
		digest string
		serve  func(n int, w http.ResponseWriter, r *http.Request)
	}{
		{"piece by piece", hex.EncodeToString(sum[:]), func(_ int, w http.ResponseWriter, r *http.Request) { whole(w, r) }},
		{"by the other digest", strings.ToUpper(hex.EncodeToString(long[:])), func(_ int, w http.ResponseWriter, r *http.Request) { whole(w, r) }},
		{"a server that breaks off", "", func(n int, w http.ResponseWriter, r *http.Request) {
			whole(&cutter{ResponseWriter: w, left: 100_000 + n*77_777}, r)
		}},
		{"one without Range", "", func(_ int, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			w.Write(content)
		}},
		{"one without Range that breaks off", "", func(n int, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			(&cutter{ResponseWriter: w, left: n * 900_000}).Write(content)
		}},
		{"one that gives no length", "", func(_ int, w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			w.Write(content)
		}},
		{"one in trouble", "", func(n int, w http.ResponseWriter, r *http.Request) {
			if n%3 != 0 {
				w.WriteHeader([]int{500, 503, 429, 408}[n%4])
				return
			}
			whole(w, r)
		}},
		{"one that sends nothing now and then", "", func(n int, w http.ResponseWriter, r *http.Request) {
			if n%2 == 1 {
				panic(http.ErrAbortHandler)
			}
			whole(w, r)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var n atomic.Int32
			url := at(func(w http.ResponseWriter, r *http.Request) { tc.serve(int(n.Add(1)), w, r) }, t)
			var told []int
			got, err := read(t.Context(), &File{URL: url, Digest: tc.digest, Header: map[string]string{"X": "1"}, Told: func(p int) { told = append(told, p) }})
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if len(told) == 0 || told[len(told)-1] != 100 || !slices.IsSorted(told) {
				t.Errorf("told %v", told)
			}
		})
	}
}

// cutter breaks a connection after so many bytes.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(b []byte) (int, error) {
	if len(b) > c.left {
		c.ResponseWriter.Write(b[:c.left])
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

// TestAFileDoesNotCome tells why, and what came is not taken for whole.
func TestAFileDoesNotCome(t *testing.T) {
	other := hex.EncodeToString(bytes.Repeat([]byte{1}, md5.Size))
	for _, tc := range []struct {
		name  string
		file  File
		serve http.HandlerFunc
		want  error
		text  string
	}{
		{"another digest", File{Digest: other}, whole, ErrDigest, "digest"},
		{"a digest that is none", File{Digest: "12"}, whole, ErrRefused, "neither MD5 nor SHA-256"},
		{"a longer file", File{Size: 1000}, whole, ErrRefused, "got \"bytes 0-999/"},
		{"a shorter one", File{Size: int64(len(content)) + 1}, whole, ErrRefused, "bytes on"},
		{"one that is not there", File{}, http.NotFound, ErrRefused, "404"},
		{"one behind a door", File{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, ErrRefused, "401"},
		{"one that is elsewhere", File{}, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://other/", http.StatusFound) }, ErrRefused, "302"},
		{"another place of it", File{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 5-9/%d", len(content)))
			w.WriteHeader(206)
		}, ErrRefused, "asked for 0"},
		{"a part of nothing", File{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(206) }, ErrRefused, "got \"\""},
		{"a server that is always in trouble", File{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, ErrBroken, "500"},
		{"one that never says a word", File{}, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ErrBroken, ""},
		{"an answer that is not good", File{Good: func(h func(string) string) error { return errors.New("Ota-Errno " + h("Ota-Errno")) }}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Ota-Errno", "5")
			whole(w, r)
		}, ErrRefused, "Ota-Errno 5"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.file.URL = at(tc.serve, t)
			_, err := read(t.Context(), &tc.file)
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got %v, want %v with %q", err, tc.want, tc.text)
			}
			if _, again := tc.file.Read(make([]byte, 10)); again == nil || again == io.EOF {
				t.Errorf("then: %v", again)
			}
		})
	}
	for _, url := range []string{"ftp://x/y", "file:///etc/passwd", "http://", ":", "http://[::1"} {
		if _, err := read(t.Context(), &File{URL: url}); err == nil {
			t.Errorf("%q is fetched", url)
		}
	}
	if _, err := read(t.Context(), &File{Size: -1}); !errors.Is(err, ErrRefused) {
		t.Errorf("a file of no size: %v", err)
	}
}

// TestTheContextEndsIt, also while a server says nothing.
func TestTheContextEndsIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan struct{}, 100)
	url := at(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}, t)
	go func() {
		<-asked
		cancel()
	}()
	if _, err := read(ctx, &File{URL: url}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestTLSIsChecked by what the configuration trusts.
func TestTLSIsChecked(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(whole))
	defer s.Close()
	trust := x509.NewCertPool()
	trust.AddCert(s.Certificate())
	if got, err := read(t.Context(), &File{URL: s.URL, TLS: &tls.Config{RootCAs: trust, ServerName: "a broker"}}); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := read(t.Context(), &File{URL: s.URL, TLS: &tls.Config{RootCAs: x509.NewCertPool()}}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a stranger: %v", err)
	}
}

// TestAServerThatTrickles: what comes too slowly is a try that brought nothing, and
// there are not many of them. A step of some size begins anew.
func TestAServerThatTrickles(t *testing.T) {
	f := &File{Size: 10 << 20, Pause: func(int) time.Duration { return 0 }}
	if err := f.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	later := func() { f.step = f.step.Add(-stepFor - time.Second) }
	bytes := func(n int64) {
		f.at += n
		f.stride()
	}
	bytes(1)
	bytes(stepBytes - 3)
	if f.bad != 0 || f.end != nil {
		t.Errorf("after some bytes: %d tries, %v", f.bad, f.end)
	}
	for n := range mostTries - 1 {
		later()
		if bytes(1); f.bad != n+1 || f.end != nil {
			t.Errorf("slowly: %d tries, %v, want %d", f.bad, f.end, n+1)
		}
	}
	if bytes(stepBytes); f.bad != 0 {
		t.Errorf("after a step: %d tries", f.bad)
	}
	for range mostTries {
		later()
		bytes(stepBytes - 1)
		later()
	}
	if !errors.Is(f.end, ErrBroken) {
		t.Errorf("it is not given up: %d tries, %v", f.bad, f.end)
	}
}

package board

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
)

// ErrorFile keeps the last errors on flash: two files of at most half of what
// is allowed, of which the older goes when the newer is full. It spares the
// flash: after a burst it takes a line a minute, and counts the others.
type ErrorFile struct {
	Path string // the older one is at Path + ".1"

	mu      sync.Mutex
	room    float64   // lines that may be written now; guarded by mu
	at      time.Time // when room was counted; guarded by mu
	dropped int       // lines since the last one that was written; guarded by mu
}

const (
	errorFileMost  = 64 << 10
	errorFileBurst = 30
	errorFileEvery = time.Minute
)

// Add appends a line, or counts it. The error is that of the flash.
func (f *ErrorFile) Add(now time.Time, text string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at.IsZero() {
		f.room = errorFileBurst
	} else if passed := now.Sub(f.at); passed > 0 {
		f.room = min(errorFileBurst, f.room+float64(passed)/float64(errorFileEvery))
	}
	f.at = now
	if f.room < 1 {
		f.dropped++
		return nil
	}
	f.room--
	if f.dropped > 0 {
		text = fmt.Sprintf("(+%d) %s", f.dropped, text)
	}
	if err := f.append(text + "\n"); err != nil {
		f.dropped++
		return err
	}
	f.dropped = 0
	return nil
}

func (f *ErrorFile) append(text string) error {
	if len(text) > mostLine*2 {
		text = text[:mostLine*2] + "\n"
	}
	if info, err := os.Stat(f.Path); err == nil && info.Size()+int64(len(text)) > errorFileMost/2 {
		if err := os.Rename(f.Path, f.Path+".1"); err != nil {
			return err
		}
	}
	file, err := os.OpenFile(f.Path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// Last gives the last n lines that are kept, the oldest first.
func (f *ErrorFile) Last(n int) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, path := range []string{f.Path + ".1", f.Path} {
		b, err := ReadPlain(path, errorFileMost)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return nil, err
		}
		for line := range strings.Lines(string(b)) {
			all = append(all, strings.TrimSuffix(line, "\n"))
		}
	}
	return all[max(0, len(all)-n):], nil
}

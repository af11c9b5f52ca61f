package console

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"meterd/dlt645"
)

// mostCapture bounds a capture file: a board's RAM is small.
const mostCapture = 4 << 20

// trace shows frames and, with -o, saves them in a file as well.
func (s *Session) trace(ctx context.Context, words []string) error {
	file, rest := "", []string{}
	for i := 0; i < len(words); i++ {
		if words[i] == "-o" {
			if i+1 == len(words) {
				return Tell(dlt645.Text{EN: "-o takes a file", ZH: "-o 需要文件名"}, dlt645.Text{})
			}
			i++
			file = words[i]
			continue
		}
		rest = append(rest, words[i])
	}
	if file == "" {
		return s.ask(ctx, rest, s.print)
	}
	c, err := s.newCapture(file)
	if err != nil {
		return err
	}
	s.paged = false
	failed := s.ask(ctx, rest, func(out string) {
		c.take(out)
		s.print(out)
	})
	if err := c.close(); err != nil {
		s.failed(Tell(dlt645.Text{EN: "the capture is not whole: %v", ZH: "捕获文件不完整：%v"}, dlt645.Text{}, err))
	}
	s.say(dlt645.Text{EN: "%d frames are in %s, for: meterd decode < FILE", ZH: "%d 帧已存入 %s，可用 meterd decode < 文件 查看"}, c.frames, c.path)
	return failed
}

// capture is a file of frames: a comment with the time, and a line of hex,
// for each.
type capture struct {
	path   string
	file   *os.File
	out    *bufio.Writer
	size   int
	frames int
	err    error
}

// newCapture makes the file. One that exists is never touched.
func (s *Session) newCapture(name string) (*capture, error) {
	path := name
	if !strings.Contains(name, "/") {
		path = filepath.Join(s.Captures, name)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, Tell(dlt645.Text{EN: "no capture is made: %v", ZH: "无法建立捕获文件：%v"}, dlt645.Text{EN: "name a file that is not there yet", ZH: "请用尚不存在的文件名"}, err)
	}
	c := &capture{path: path, file: f, out: bufio.NewWriter(f)}
	c.line(fmt.Sprintf("# %s %s", s.gateway, time.Now().Format(time.RFC3339)))
	return c, nil
}

// take saves what trace shows: of each frame a line that explains it, and a
// line of hex after blanks.
func (c *capture) take(text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		bytes := strings.TrimSpace(line)
		if _, err := hex.DecodeString(strings.ReplaceAll(bytes, " ", "")); err == nil && bytes != "" && strings.HasPrefix(line, "  ") {
			c.frames++
			c.line(bytes)
			continue
		}
		c.line("# " + line)
	}
}

func (c *capture) line(s string) {
	if c.err != nil {
		return
	}
	if c.size += len(s) + 1; c.size > mostCapture {
		c.err = fmt.Errorf("it ended at %d MiB", mostCapture>>20)
		return
	}
	_, c.err = c.out.WriteString(s + "\n")
}

func (c *capture) close() error {
	for _, err := range []error{c.out.Flush(), c.file.Close()} {
		if c.err == nil {
			c.err = err
		}
	}
	return c.err
}

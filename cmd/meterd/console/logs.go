package console

import (
	"errors"
	"io"
	"os"
	"strings"

	"meterd/dlt645"
)

const (
	// logLines are shown when nobody answers.
	logLines = 10
	// logBytes is how much of a file's end is looked at.
	logBytes = 32 << 10
)

// showLogs shows the last n lines of each log that is there.
func (s *Session) showLogs(n int) {
	shown := false
	for _, file := range s.Logs {
		lines, err := lastLines(file, n)
		if err != nil || len(lines) == 0 {
			continue
		}
		shown = true
		s.say(dlt645.Text{EN: "the last lines of %s:", ZH: "%s 的最后几行："}, file)
		for _, l := range lines {
			s.print(l + "\n")
		}
	}
	if !shown {
		s.say(dlt645.Text{EN: "there is no log to show (%s)", ZH: "没有可显示的日志（%s）"}, strings.Join(s.Logs, " "))
	}
}

// lastLines gives the last n lines of a regular file.
func lastLines(file string, n int) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("no regular file")
	}
	from := max(0, info.Size()-logBytes)
	b, err := io.ReadAll(io.NewSectionReader(f, from, logBytes))
	if err != nil {
		return nil, err
	}
	text := strings.TrimRight(string(b), "\n\x00")
	if from > 0 { // the first line is not whole
		_, text, _ = strings.Cut(text, "\n")
	}
	if text == "" {
		return nil, nil
	}
	lines := strings.Split(text, "\n")
	return lines[max(0, len(lines)-n):], nil
}

// Package journal is the log for people: one line an event, in the language
// and zone of the configuration, on standard error, in memory for the console,
// and errors on flash.
//
// It owns the lines in memory, the counts of what comes again and again, and
// the file of errors; a mutex guards them, and KeepErrors alone writes to the
// flash. It never makes who logs wait for the flash, never shows a secret of
// the configuration, and never fails.
package journal

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/dlt645"
)

// Journal is the log for people: one line an event, in their language and
// time zone, on standard error, in memory for the console, and errors on
// flash. What comes again and again is counted. It is a slog.Handler.
type Journal struct {
	*state
	attrs string // written already
}

type state struct {
	level slog.Level
	lines *board.Lines

	mu      sync.Mutex
	out     io.Writer         // guarded by mu
	zone    *time.Location    // guarded by mu
	lang    string            // guarded by mu
	hide    *strings.Replacer // of secrets; guarded by mu
	errors  *board.ErrorFile  // nil: none; guarded by mu
	failed  bool              // the last error could not be kept; guarded by mu
	toKeep  []flashLine       // errors that wait for the flash; guarded by mu
	spilled int               // of them, for lack of room; guarded by mu
	bursts  map[string]*burst // guarded by mu
	keep    chan struct{}     // tells that an error waits for the flash
	checked time.Time         // when bursts were looked through; guarded by mu
}

// flashLine is an error for the flash.
type flashLine struct {
	at   time.Time
	line string
}

// mostToKeep bounds the errors that wait for a flash that stands still. Who
// logs never waits for it.
const mostToKeep = 64

// burst is how often one message came lately.
type burst struct {
	since time.Time
	came  int
	line  string // of the last that was not told
	level slog.Level
}

const (
	// linesKept is what the console can show.
	linesKept = 1000
	// Of each message about each meter, line or platform, burstTold are told in
	// burstFor; the others are counted.
	burstTold = 3
	burstFor  = time.Minute
	// mostBursts bounds what is watched so. Beyond it a message counts whatever
	// it is about.
	mostBursts = 1024
)

// New gives a journal that writes lines of at least that level to out.
func New(out io.Writer, level slog.Level) *Journal {
	return &Journal{state: &state{
		level: level, lines: board.NewLines(linesKept), out: out, zone: time.UTC, hide: strings.NewReplacer(), bursts: map[string]*burst{}, keep: make(chan struct{}, 1),
	}}
}

// Use has the log speak as a configuration says.
func (s *state) Use(c *config.Config, text string) {
	var pairs []string
	for _, secret := range config.Secrets(text) {
		pairs = append(pairs, secret, config.Hidden)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zone, s.lang, s.hide = c.Gateway.Zone, c.Gateway.Language, strings.NewReplacer(pairs...)
	if path := ErrorsFile(c); s.errors == nil || s.errors.Path != path {
		s.errors = &board.ErrorFile{Path: path}
	}
}

// ErrorsFile is where the last errors are kept on flash.
func ErrorsFile(c *config.Config) string { return c.Store.State + ".errors" }

func (j *Journal) Enabled(_ context.Context, l slog.Level) bool { return l >= j.level }

func (j *Journal) WithGroup(string) slog.Handler { return j }

func (j *Journal) WithAttrs(attrs []slog.Attr) slog.Handler {
	j.mu.Lock()
	defer j.mu.Unlock()
	more := j.attrs
	for _, a := range attrs {
		more += j.attrLocked(a)
	}
	return &Journal{j.state, more}
}

// aboutKeys are what a message is about.
var aboutKeys = []string{"bus", "meter", "uplink", "stick", "loop", "item"}

// Handle writes a line. It never fails: nobody could do anything about it.
func (j *Journal) Handle(_ context.Context, r slog.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var b strings.Builder
	key := r.Message
	fmt.Fprintf(&b, "%s %s %s%s", r.Time.In(j.zone).Format(time.DateTime), levelName(r.Level), j.sayLocked(r.Message), j.attrs)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(j.attrLocked(a))
		for _, k := range aboutKeys {
			if a.Key == k {
				key += "\x00" + a.Value.String()
			}
		}
		return true
	})
	line := j.hide.Replace(b.String())
	if r.Level < slog.LevelInfo { // asked for on purpose, all of it
		fmt.Fprintln(j.out, line)
		return nil
	}
	j.sweepLocked(r.Time)
	if j.floodLocked(key, r.Message, r.Time, r.Level, line) {
		return nil
	}
	j.writeLocked(r.Time, r.Level, line)
	return nil
}

func (s *state) writeLocked(at time.Time, l slog.Level, line string) {
	fmt.Fprintln(s.out, line)
	s.lines.Add(line)
	if l < slog.LevelError || s.errors == nil {
		return
	}
	if len(s.toKeep) == mostToKeep {
		s.spilled++
		return
	}
	s.toKeep = append(s.toKeep, flashLine{at, line})
	select {
	case s.keep <- struct{}{}:
	default:
	}
}

// KeepErrors writes errors onto the flash until the context ends.
func (s *state) KeepErrors(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			s.drain()
			return
		case <-s.keep:
			s.drain()
		}
	}
}

// drain writes the errors that wait onto the flash.
func (s *state) drain() {
	for {
		s.mu.Lock()
		file := s.errors
		if len(s.toKeep) == 0 || file == nil {
			s.mu.Unlock()
			return
		}
		k := s.toKeep[0]
		s.toKeep = s.toKeep[1:]
		if s.spilled > 0 {
			k.line = fmt.Sprintf("(+%d) %s", s.spilled, k.line)
			s.spilled = 0
		}
		s.mu.Unlock()
		s.noteKept(k.at, file.Add(k.at, k.line))
	}
}

// noteKept tells when errors cannot be kept any more: not as an error, that
// would go round.
func (s *state) noteKept(at time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := err != nil
	if failed && !s.failed {
		fmt.Fprintf(s.out, "%s %s %s err=%q\n", at.In(s.zone).Format(time.DateTime), levelName(slog.LevelWarn), s.sayLocked("errors cannot be kept on flash"), err)
	}
	s.failed = failed
}

// floodLocked reports whether a message came often enough lately.
func (s *state) floodLocked(key, message string, now time.Time, l slog.Level, line string) bool {
	b := s.bursts[key]
	if b == nil && len(s.bursts) >= mostBursts {
		key = message
		b = s.bursts[key]
	}
	if b == nil {
		b = &burst{since: now}
		s.bursts[key] = b
	}
	b.came++
	b.line, b.level = line, l
	return b.came > burstTold
}

// sweep tells what was counted, once its time is up.
func (s *state) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweepLocked(now)
}

// Sweep tells what was counted, once its time is up, until the context ends.
func (s *state) Sweep(ctx context.Context) {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			s.sweep(time.Now().Add(burstFor)) // all of it
			return
		case now := <-t.C:
			s.sweep(now)
		}
	}
}

const sweepEvery = 10 * time.Second

func (s *state) sweepLocked(now time.Time) {
	// A clock that was set back must not keep a burst for ever.
	if d := now.Sub(s.checked); d >= 0 && d < time.Second {
		return
	}
	s.checked = now
	for key, b := range s.bursts {
		if d := now.Sub(b.since); d >= 0 && d < burstFor {
			continue
		}
		delete(s.bursts, key)
		if n := b.came - burstTold; n > 0 {
			more := dlt645.Text{EN: "%s (%d like it within a minute)", ZH: "%s（一分钟内同类 %d 条）"}.In(s.lang)
			s.writeLocked(now, b.level, fmt.Sprintf(more, b.line, n))
		}
	}
}

func (s *state) attrLocked(a slog.Attr) string {
	v := a.Value.Resolve()
	var text string
	switch x := v.Any().(type) {
	case dlt645.Text:
		text = x.In(s.lang)
	case time.Time:
		text = x.In(s.zone).Format(time.DateTime)
	case nil:
		return ""
	default:
		text = v.String()
	}
	return " " + a.Key + "=" + quotedIf(text)
}

// quotedIf quotes what would not read as one word: nothing that a platform or
// a meter sends makes a line of its own.
func quotedIf(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r == '"' || r == '=' || unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

func levelName(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARN "
	case l >= slog.LevelInfo:
		return "info "
	}
	return "debug"
}

// sayLocked gives a message in the language of the configuration.
func (s *state) sayLocked(message string) string {
	if s.lang != "zh" {
		return message
	}
	return cmp.Or(chinese[message], message)
}

// Last gives the last lines in memory.
func (s *state) Last(n int) []board.Line { return s.lines.Last(n) }

// Since gives the lines after a number, and what is closed when there are more.
func (s *state) Since(number uint64) ([]board.Line, <-chan struct{}) { return s.lines.Since(number) }

// Kept gives the last errors that are on flash.
func (s *state) Kept(n int) ([]string, error) {
	s.mu.Lock()
	file := s.errors
	s.mu.Unlock()
	if file == nil {
		return nil, nil
	}
	return file.Last(n)
}

package console

import (
	"context"
	"errors"
	"slices"
	"time"

	"meterd/cmd/meterd/console/lineedit"
	"meterd/dlt645"
)

// errInterrupted says that the person has ended a command.
var errInterrupted = errors.New("interrupted")

const (
	ctrlC = 3
	// mostAhead is how much may be typed while a command is at work.
	mostAhead = 256
)

var nothingDone = dlt645.Text{EN: "nothing was done", ZH: "未执行"}

// ask has the daemon carry a command out. What it wants, the PIN or a yes,
// the person is asked for.
func (s *Session) ask(ctx context.Context, words []string, out func(string)) error {
	req := Request{Command: words}
	if time.Since(s.pinAt) > keepPIN {
		s.pin = ""
	}
	for tries := 0; ; tries++ {
		err := s.call(ctx, req, out)
		wanting, ok := errors.AsType[*Wanting](err)
		switch {
		case !ok:
			if err == nil && req.PIN != "" {
				s.pin, s.pinAt = req.PIN, time.Now()
			}
			return err
		case wanting.Want == WantPIN && req.PIN == "" && s.pin != "":
			req.PIN = s.pin
		case wanting.Want == WantPIN && tries < 2*freePINs:
			if req.PIN != "" { // wrong
				s.pin = ""
				s.print(wanting.Text + "\n")
			}
			req.PIN, err = s.answer("PIN: ", true)
			if err == nil && req.PIN == "" {
				s.say(nothingDone)
			}
			if err != nil || req.PIN == "" {
				return err
			}
		case wanting.Want == WantYes && !slices.Contains(req.Command, "-yes"):
			s.pin, s.pinAt = req.PIN, time.Now() // it was right
			s.print(wanting.Text + "\n")
			said, err := s.answer(say(s.Language, dlt645.Text{EN: "Really? yes or no: ", ZH: "确定吗？yes 或 no："}), false)
			if err != nil {
				return err
			}
			if !isYes(said) {
				s.say(nothingDone)
				return nil
			}
			req.Command = append(slices.Clone(req.Command), "-yes")
		default:
			return err
		}
	}
}

// call sends one request. Ctrl-C ends it; what else is typed waits.
func (s *Session) call(ctx context.Context, req Request, out func(string)) error {
	ctx, cancel := context.WithCancel(ctx)
	replies, done := make(chan Reply), make(chan error, 1)
	go func() {
		done <- Call(ctx, s.Socket, req, func(r Reply) error {
			select {
			case replies <- r:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	defer func() { cancel(); <-done }()
	passing := PassingLine{W: s.Out, Live: s.Terminal.Escapes, End: "\r\n"}
	defer passing.Clear()
	keys := s.keys
	for {
		if len(s.ahead) >= mostAhead {
			keys = nil
		}
		select {
		case r := <-replies:
			if r.Passing != "" {
				if s.paged { // nothing else draws the screen
					passing.Show(time.Now(), fit(s.dress(r.Passing), s.Terminal.Columns-1))
				}
				continue
			}
			if r.Out != "" { // else the command is still at work
				passing.Clear()
			}
			out(r.Out)
			if s.paged && s.printed < 0 { // enough seen
				return errInterrupted
			}
		case err := <-done:
			done <- nil // for the one that waits at the end
			return err
		case c, ok := <-keys:
			switch {
			case !ok:
				return errGone
			case c == ctrlC:
				if s.Discard != nil {
					s.Discard()
				}
				s.ahead = nil
				passing.Clear()
				s.write("^C\r\n")
				return errInterrupted
			}
			s.ahead = append(s.ahead, c)
		}
	}
}

// complete completes the word before the cursor, or lists what it may become.
func (s *Session) complete(ctx context.Context) {
	before := s.editor.Before()
	words, open := split(before)
	if !open {
		words = append(words, word{begin: len([]rune(before))})
	}
	last := words[len(words)-1]
	found := s.wordsFor(ctx, words)
	if len(found) == 0 {
		s.write("\a")
		return
	}
	common := found[0]
	for _, w := range found[1:] {
		common = commonBegin(common, w)
	}
	n := len([]rune(before)) - last.begin
	switch {
	case len(found) == 1:
		s.write(s.editor.Replace(n, quoted(common, true)+" "))
	case len(common) > len(last.text):
		s.write(s.editor.Replace(n, quoted(common, false)))
	default:
		s.write("\r\n")
		s.printed, s.paged = 0, false
		s.print(columnsOf(found, s.Terminal.Columns-1, s.Terminal.Lines-3, s.Language))
		s.write(s.editor.Start(s.prompt()))
	}
}

// wordsFor asks what the last word may be. It is not waited for long.
func (s *Session) wordsFor(ctx context.Context, words []word) []string {
	var req []string
	for _, w := range words {
		req = append(req, w.text)
	}
	var found []string
	if req[0] == "watch" && len(req) > 1 {
		req = req[1:]
	}
	err := Call(ctx, s.Socket, Request{Complete: true, Command: req}, func(r Reply) error {
		found = append(found, r.Words...)
		return nil
	})
	if err != nil && len(req) > 1 {
		return nil
	}
	if len(req) == 1 {
		local := Commands{List: localCommands()}
		for _, w := range local.complete(req) {
			if !slices.Contains(found, w) {
				found = append(found, w)
			}
		}
	}
	return found
}

// commonBegin gives what two words begin with.
func commonBegin(a, b string) string {
	x, y := []rune(a), []rune(b)
	n := 0
	for n < len(x) && n < len(y) && x[n] == y[n] {
		n++
	}
	return string(x[:n])
}

// columnsOf lists words in columns, in so many lines at most.
func columnsOf(words []string, columns, lines int, language string) string {
	wide := 0
	for _, w := range words {
		wide = max(wide, lineedit.Width(w)+2)
	}
	wide = min(wide, columns)
	perLine := max(1, columns/wide)
	room := perLine * max(1, lines)
	more := 0
	if len(words) > room {
		more = len(words) - (room - perLine)
		words = words[:room-perLine]
	}
	out := ""
	for i, w := range words {
		out += pad(fit(w, wide-1), wide)
		if i%perLine == perLine-1 || i == len(words)-1 {
			out += "\n"
		}
	}
	if more > 0 {
		out += say(language, dlt645.Text{EN: "… and %d more\n", ZH: "… 另有 %d 项\n"}, more)
	}
	return out
}

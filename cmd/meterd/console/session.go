package console

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"meterd/cmd/meterd/console/lineedit"
	"meterd/dlt645"
)

// Session is a person at a terminal. It asks the daemon over its socket and
// lives on when nobody answers there.
type Session struct {
	In       io.Reader // keys as they are typed: the terminal is raw
	Out      io.Writer
	Socket   string
	Language string   // until the daemon tells its own
	Logs     []string // files whose last lines are shown when no daemon answers
	Captures string   // the directory of captures that are named without one
	Terminal Terminal
	// Size gives the terminal's present size; nil: that of Terminal.
	Size func() (columns, lines int)
	// Discard drops what the terminal has not shown yet; nil: it cannot.
	Discard func()

	keys    chan byte       // closed when the terminal is gone
	over    <-chan struct{} // closed when the session is to end
	ahead   []byte          // typed while a command was at work
	editor  lineedit.Editor
	gateway string
	absent  bool // nobody answered the last time
	pin     string
	pinAt   time.Time // of its last use
	printed int       // lines since the last key, for -- more --
	paged   bool      // long answers stop at each screen
}

// Terminal is what a terminal can do.
type Terminal struct {
	Columns, Lines int  // 0: 80 and 24
	Escapes        bool // it knows cursor movements (not TERM=dumb)
	Colors         bool
	UTF8           bool // else what is not ASCII is replaced where it is ours
}

// keepPIN is how long a PIN is remembered after its last use.
const keepPIN = 5 * time.Minute

// errGone says that the terminal is gone.
var errGone = errors.New("the terminal is gone")

// Run runs until the person leaves, the terminal is gone or the context
// ends.
func (s *Session) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.keys, s.over = make(chan byte, 256), ctx.Done()
	go s.readKeys(ctx)
	s.greet(ctx)
	for {
		line, err := s.readLine(ctx)
		switch {
		case errors.Is(err, errGone), errors.Is(err, io.EOF), ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		if leave := s.obey(ctx, line); leave {
			return nil
		}
	}
}

// readKeys hands on what is typed. It ends with the terminal: a read cannot
// be called off.
func (s *Session) readKeys(ctx context.Context) {
	defer close(s.keys)
	buf := make([]byte, 64)
	for {
		n, err := s.In.Read(buf)
		for _, c := range buf[:n] {
			select {
			case s.keys <- c:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// key waits for a key. The end of the session is like that of the terminal.
func (s *Session) key() (byte, error) {
	s.printed = 0
	if len(s.ahead) > 0 {
		c := s.ahead[0]
		s.ahead = s.ahead[1:]
		return c, nil
	}
	select {
	case c, ok := <-s.keys:
		if !ok {
			return 0, errGone
		}
		return c, nil
	case <-s.over:
		return 0, errGone
	}
}

func (s *Session) say(t dlt645.Text, args ...any) { s.print(say(s.Language, t, args...) + "\n") }

// hello asks who answers, and in which language.
func (s *Session) hello(ctx context.Context) (version string, err error) {
	err = Call(ctx, s.Socket, Request{Hello: true}, func(r Reply) error {
		if h := r.Hello; h != nil {
			s.gateway, s.Language, version = Harmless(h.Gateway), h.Language, Harmless(h.Version)
		}
		return nil
	})
	s.absent = s.absent && err != nil
	return version, err
}

// greet tells who answers, or that nobody does.
func (s *Session) greet(ctx context.Context) {
	version, err := s.hello(ctx)
	if err != nil {
		s.failed(err)
		return
	}
	s.say(dlt645.Text{EN: "meterd %s  gateway %s", ZH: "meterd %s  网关 %s"}, version, s.gateway)
	s.say(dlt645.Text{EN: "Tab completes, the arrows recall, help lists the commands, Ctrl-D ends.", ZH: "Tab 补全，上下箭头调出历史，help 列出命令，Ctrl-D 结束。"})
}

func (s *Session) prompt() string {
	if s.gateway == "" {
		return "meterd> "
	}
	return fit(s.gateway, 24) + "> "
}

// readLine edits a line until Enter. io.EOF is the wish to leave.
func (s *Session) readLine(ctx context.Context) (string, error) {
	s.measure()
	s.write(s.editor.Start(s.prompt()))
	for {
		c, err := s.key()
		if err != nil {
			return "", err
		}
		out, ev := s.editor.Feed(c)
		s.write(out)
		switch ev {
		case lineedit.Line:
			return s.editor.Take(), nil
		case lineedit.Interrupt:
			return "", nil
		case lineedit.End:
			return "", io.EOF
		case lineedit.Complete:
			s.complete(ctx)
		case lineedit.Clear:
			if s.Terminal.Escapes {
				s.write("\x1b[H\x1b[2J")
			} else {
				s.write("\r\n")
			}
			s.write(s.editor.Start(s.prompt()))
		}
	}
}

// answer asks a question and reads the answer, secretly or not.
func (s *Session) answer(question string, secret bool) (string, error) {
	was := s.editor
	defer func() { s.editor = was }()
	s.editor = lineedit.Editor{Columns: was.Columns, Escapes: was.Escapes}
	if secret {
		s.write(s.editor.StartSecret(question))
	} else {
		s.write(s.editor.Start(question))
	}
	for {
		c, err := s.key()
		if err != nil {
			return "", err
		}
		out, ev := s.editor.Feed(c)
		s.write(out)
		switch ev {
		case lineedit.Line:
			return s.editor.Take(), nil
		case lineedit.Interrupt, lineedit.End:
			return "", nil
		}
	}
}

// measure takes the terminal's size.
func (s *Session) measure() {
	if s.Size != nil {
		s.Terminal.Columns, s.Terminal.Lines = s.Size()
	}
	if s.Terminal.Columns <= 0 {
		s.Terminal.Columns = width
	}
	if s.Terminal.Lines <= 0 {
		s.Terminal.Lines = screen
	}
	s.editor.Columns, s.editor.Escapes = s.Terminal.Columns, s.Terminal.Escapes
}

// obey carries a line out; true if the person leaves.
func (s *Session) obey(ctx context.Context, line string) (leave bool) {
	split, _ := split(line)
	var words []string
	for _, w := range split {
		words = append(words, w.text)
	}
	if len(words) == 0 {
		return false
	}
	s.printed, s.paged = 0, !slices.Contains(words, "-f")
	defer func() { s.paged = false }()
	var err error
	switch words[0] {
	case "exit", "quit":
		return true
	case "watch":
		err = s.watch(ctx, words[1:])
	case "trace":
		err = s.trace(ctx, words)
	case "help":
		err = s.ask(ctx, words, s.print)
		if len(words) == 1 || err != nil {
			s.helpLocal(words[1:], &err)
		}
	default:
		err = s.ask(ctx, words, s.print)
	}
	if _, gone := errors.AsType[*NoDaemon](err); gone && words[0] == "log" {
		s.showLogs(s.Terminal.Lines - 2)
		return false
	}
	if err != nil {
		s.failed(err)
		return false
	}
	s.hello(ctx) // another daemon may answer now, in another language; if none does, the next command tells
	return false
}

// failed tells of a failure, and shows the last lines of the log when it is
// that nobody answers.
func (s *Session) failed(err error) {
	if errors.Is(err, errInterrupted) || errors.Is(err, errGone) || errors.Is(err, context.Canceled) {
		return
	}
	text, hint := s.reason(err)
	_, absent := errors.AsType[*NoDaemon](err)
	s.print(say(s.Language, dlt645.Text{EN: "error: ", ZH: "错误："}) + text + "\n")
	if hint != "" {
		s.print(say(s.Language, dlt645.Text{EN: "hint: ", ZH: "提示："}) + hint + "\n")
	}
	if absent && !s.absent {
		s.showLogs(logLines)
	}
	s.absent = absent
}

// reason gives an error in the language of the session, and what to do.
func (s *Session) reason(err error) (text, hint string) {
	if n, ok := errors.AsType[*NoDaemon](err); ok {
		err = n.told
	}
	if t, ok := errors.AsType[*Told](err); ok {
		return t.Text.In(s.Language), t.Hint.In(s.Language)
	}
	if e, ok := errors.AsType[*Error](err); ok {
		hint = e.Hint
	}
	return err.Error(), hint
}

// localCommands are those that the session carries out by itself.
func localCommands() []Command {
	return []Command{
		{Name: "watch", Args: "[-n SECONDS] COMMAND", Help: dlt645.Text{EN: "the command again and again; q ends", ZH: "反复执行命令；q 结束"}},
		{Name: "exit", Help: dlt645.Text{EN: "leaves the console; so does Ctrl-D", ZH: "离开控制台，Ctrl-D 亦可"}},
	}
}

// helpLocal tells of the session's own commands; it clears the error of a
// daemon that does not know them.
func (s *Session) helpLocal(args []string, err *error) {
	for _, c := range localCommands() {
		if len(args) > 0 && c.Name != args[0] {
			continue
		}
		s.print(helpLine(c, s.Language) + "\n")
		if len(args) > 0 {
			*err = nil
		}
	}
}

// isYes tells whether an answer is a yes.
func isYes(answer string) bool {
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes", "是":
		return true
	}
	return false
}

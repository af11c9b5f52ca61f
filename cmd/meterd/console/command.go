package console

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"

	"meterd/dlt645"
)

// Command is a row of the table of commands.
type Command struct {
	Name string
	Args string // for help
	Help dlt645.Text
	More dlt645.Text // lines that help COMMAND adds
	// Run gives the answer: a value for JSON, and its text for people. Where an
	// answer comes in parts, each is given to say.
	Run func(ctx context.Context, args []string, say func(Answer)) (Answer, error)
	// Changes tells that the command, with these arguments, changes something:
	// it needs the PIN, if there is one.
	Changes func(args []string) bool
	// Words gives what may stand after args, for completion; nil: nothing is
	// known.
	Words func(args []string) []string
	// Slow marks a command that waits for a line or for people. Any other must
	// answer at once; one that does not is left behind.
	Slow bool
}

// Always marks a command that changes something whatever its arguments.
func Always([]string) bool { return true }

// Answer can be told to scripts and to people.
type Answer interface {
	Text(language string) string
}

// ready makes what the running table needs.
func (c *Commands) ready() { c.guard, c.hung = newGuard(c.PIN), make(chan struct{}, mostHung) }

// Commands are what the console knows.
type Commands struct {
	Gateway  string // its name, and the program's version, for who asks
	Version  string
	Language string
	PIN      string      // asked before a command that changes anything; "": none
	Log      func(error) // told when the socket cannot be made; nil: nobody
	List     []Command

	guard *guard        // of the PIN
	hung  chan struct{} // a place for each command that is at work
}

// run carries a command out and hands its answer to out.
func (c Commands) run(ctx context.Context, req Request, out func(Reply)) error {
	if len(req.Command) == 0 {
		return Tell(dlt645.Text{EN: "no command", ZH: "没有命令"}, tryHelp)
	}
	long := 0
	for _, w := range req.Command {
		long += len(w) + 1
	}
	if long > mostCommand {
		return Tell(dlt645.Text{EN: "a command has %d bytes at most, this one %d", ZH: "命令最多 %d 字节，实际 %d 字节"}, tryHelp, mostCommand, long)
	}
	name, args := req.Command[0], req.Command[1:]
	if name == "help" {
		return c.help(args, req, out)
	}
	cmd, ok := c.find(name)
	if !ok {
		return Tell(noCommand, tryHelp, name)
	}
	if cmd.Changes != nil && cmd.Changes(args) {
		if err := c.guard.admit(time.Now(), name, req.PIN); err != nil {
			return err
		}
	}
	ans, err := c.within(ctx, cmd, args, func(a Answer) { c.say(a, req, out) })
	if err != nil {
		return err
	}
	return c.say(ans, req, out)
}

// mostCommand is more than any command needs.
const mostCommand = 4 << 10

var (
	noCommand = dlt645.Text{EN: "there is no command %q", ZH: "没有命令 %q"}
	tryHelp   = dlt645.Text{EN: "try: help", ZH: "请试：help"}
)

func (c Commands) find(name string) (Command, bool) {
	i := slices.IndexFunc(c.List, func(cmd Command) bool { return cmd.Name == name })
	if i < 0 {
		return Command{}, false
	}
	return c.List[i], true
}

// atOnce is how long a command that is not slow may take.
const atOnce = 5 * time.Second

// mostHung is how many commands may be left behind in a part that hangs.
const mostHung = 16

// within carries a command out. One that should answer at once and does not
// waits for a part of the daemon that hangs; the person is told so.
func (c Commands) within(ctx context.Context, cmd Command, args []string, say func(Answer)) (Answer, error) {
	if cmd.Slow {
		return cmd.Run(ctx, args, say)
	}
	hangs := Tell(dlt645.Text{EN: "%s gets no answer: a part of the daemon hangs", ZH: "%s 无应答：程序的某一部分已挂起"},
		dlt645.Text{EN: "log shows what it did last; reboot, or the watchdog, starts it anew", ZH: "log 可查看最近日志；reboot 或看门狗会重新启动"}, cmd.Name)
	select {
	case c.hung <- struct{}{}:
	default:
		return nil, hangs
	}
	type result struct {
		ans Answer
		err error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-c.hung }()
		ans, err := cmd.Run(ctx, args, say)
		done <- result{ans, err}
	}()
	t := time.NewTimer(atOnce)
	defer t.Stop()
	select {
	case r := <-done:
		return r.ans, r.err
	case <-t.C:
		return nil, hangs
	}
}

// say hands an answer to out, as JSON or as text.
func (c Commands) say(ans Answer, req Request, out func(Reply)) error {
	if ans == nil { // all was said in parts
		return nil
	}
	if p, ok := ans.(Passing); ok {
		if !req.JSON {
			out(Reply{Passing: strings.TrimSpace(oneLine(p.Text(c.Language)))})
		}
		return nil
	}
	if !req.JSON {
		out(Reply{Out: Harmless(ans.Text(c.Language))})
		return nil
	}
	b, err := json.Marshal(ans)
	if err != nil {
		return err
	}
	out(Reply{Out: string(b) + "\n"})
	return nil
}

// Line is an answer of one line, such as the version.
type Line struct {
	Value string `json:"value"`
}

// Text gives the line.
func (l Line) Text(string) string { return l.Value + "\n" }

// Harmless takes out what would move the cursor, turn the direction of writing,
// or cannot be seen: an answer holds words of platforms and meters.
func Harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

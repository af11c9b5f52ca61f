package console

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"meterd/dlt645"
)

// Command is a row of the table of commands.
type Command struct {
	Name string
	Args string // for help
	Help dlt645.Text
	// Run gives the answer: a value for JSON, and its text for people. Where an
	// answer comes in parts, each is given to say.
	Run func(ctx context.Context, args []string, say func(Answer)) (Answer, error)
	// Changes tells that the command, with these arguments, changes something:
	// it needs the PIN, if there is one.
	Changes func(args []string) bool
}

// Always marks a command that changes something whatever its arguments.
func Always([]string) bool { return true }

// Answer can be told to scripts and to people.
type Answer interface {
	Text(language string) string
}

// Commands are what the console knows.
type Commands struct {
	Language string
	PIN      string      // asked before a command that changes anything; "": none
	Log      func(error) // told when the socket cannot be made; nil: nobody
	List     []Command
}

// run carries a command out and hands its answer to out.
func (c Commands) run(ctx context.Context, req Request, out func(string)) error {
	if len(req.Command) == 0 {
		return &Error{"no command", "try: help"}
	}
	name, args := req.Command[0], req.Command[1:]
	if name == "help" {
		return c.say(Line{strings.TrimSuffix(c.help(), "\n")}, req, out)
	}
	for _, cmd := range c.List {
		if cmd.Name != name {
			continue
		}
		if cmd.Changes != nil && cmd.Changes(args) && !c.admits(ctx, req.PIN) {
			return &Error{fmt.Sprintf("%s changes something, and the PIN is missing or wrong", name), "give it as: meterd exec -pin PIN …"}
		}
		ans, err := cmd.Run(ctx, args, func(a Answer) { c.say(a, req, out) })
		if err != nil {
			return err
		}
		return c.say(ans, req, out)
	}
	return &Error{fmt.Sprintf("there is no command %q", name), "try: help"}
}

// wrongPIN is how long a wrong PIN takes to be told: there are not many.
const wrongPIN = 2 * time.Second

func (c Commands) admits(ctx context.Context, pin string) bool {
	if c.PIN == "" || subtle.ConstantTimeCompare([]byte(pin), []byte(c.PIN)) == 1 {
		return true
	}
	select {
	case <-ctx.Done():
	case <-time.After(wrongPIN):
	}
	return false
}

// say hands an answer to out, as JSON or as text.
func (c Commands) say(ans Answer, req Request, out func(string)) error {
	if ans == nil { // all was said in parts
		return nil
	}
	if !req.JSON {
		out(ans.Text(c.Language))
		return nil
	}
	b, err := json.Marshal(ans)
	if err != nil {
		return err
	}
	out(string(b) + "\n")
	return nil
}

func (c Commands) help() string {
	var b strings.Builder
	for _, cmd := range append(c.List, Command{Name: "help", Help: dlt645.Text{EN: "this list", ZH: "本列表"}}) {
		usage := strings.TrimSpace(cmd.Name + " " + cmd.Args)
		fmt.Fprintf(&b, "%s  %s\n", pad(usage, 24), cmd.Help.In(c.Language))
	}
	return b.String()
}

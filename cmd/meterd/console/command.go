package console

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"meterd/dlt645"
)

// Command is a row of the table of commands.
type Command struct {
	Name string
	Args string // for help
	Help dlt645.Text
	// Run gives the answer: a value for JSON, and its text for people.
	Run func(ctx context.Context, args []string) (Answer, error)
}

// Answer can be told to scripts and to people.
type Answer interface {
	Text(language string) string
}

// Commands are what the console knows.
type Commands struct {
	Language string
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
		ans, err := cmd.Run(ctx, args)
		if err != nil {
			return err
		}
		return c.say(ans, req, out)
	}
	return &Error{fmt.Sprintf("there is no command %q", name), "try: help"}
}

// say hands an answer to out, as JSON or as text.
func (c Commands) say(ans Answer, req Request, out func(string)) error {
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

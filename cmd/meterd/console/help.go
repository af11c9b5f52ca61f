package console

import (
	"strings"

	"meterd/dlt645"
)

// helpCommand is the one that the table of commands answers by itself.
var helpCommand = Command{Name: "help", Args: "[COMMAND]", Help: dlt645.Text{EN: "this list, or one command", ZH: "本列表，或某条命令"}}

// usageWidth is the columns of a usage in the list of commands.
const usageWidth = 36

// help tells what there is, or about one command.
func (c Commands) help(args []string, req Request, out func(Reply)) error {
	list := append(append([]Command{}, c.List...), helpCommand)
	if len(args) > 0 {
		cmd, ok := c.find(args[0])
		if !ok {
			return Tell(noCommand, tryHelp, args[0])
		}
		list = []Command{cmd}
	}
	var b strings.Builder
	for _, cmd := range list {
		b.WriteString(helpLine(cmd, c.Language) + "\n")
	}
	if len(args) > 0 && list[0].More != (dlt645.Text{}) {
		b.WriteString(list[0].More.In(c.Language) + "\n")
	}
	return c.say(Line{strings.TrimSuffix(b.String(), "\n")}, req, out)
}

// helpLine tells a command in one line, or in two where its usage is long.
func helpLine(cmd Command, language string) string {
	usage := strings.TrimSpace(cmd.Name + " " + cmd.Args)
	return fit(pad(usage, usageWidth)+" "+cmd.Help.In(language), width)
}

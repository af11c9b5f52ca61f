package panel

import (
	"context"
	"strings"
	"time"

	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/takeover"
	"meterd/dlt645"
	"meterd/meter"
)

// configCommand shows what runs, with secrets hidden, or takes the file over
// that was changed.
func (p *Panel) configCommand(ctx context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
	_, text := p.Takeover.Running()
	if len(args) == 0 {
		shown, err := config.Hide(text)
		if err != nil {
			return nil, err
		}
		v := p.Takeover.View()
		zone := p.Config.Gateway.Zone
		return console.ConfigText{Signed: known(p.Takeover.Files.Signed(text)), File: p.Takeover.Files.Path, TOML: shown, SHA256: takeover.HashOf(text), State: v.Phase.String(), At: known(inZone(v.At, zone)), Until: known(inZone(v.Until, zone)), Says: v.Says}, nil
	}
	if len(args) != 1 || args[0] != "reload" {
		return nil, console.Tell(dlt645.Text{EN: "config takes nothing or reload, not %q", ZH: "config 不带参数或带 reload，不能是 %q"}, dlt645.Text{}, strings.Join(args, " "))
	}
	whole, err := takeover.Read(p.Takeover.Files.Path)
	if err != nil {
		return nil, err
	}
	text = whole.Text
	r := p.Takeover.Propose(ctx, takeover.Candidate{Text: text, By: meter.ByConsole, Origin: whole})
	switch {
	case r.Same:
		return p.done(dlt645.Text{EN: "the file is what runs already", ZH: "文件与当前运行的配置相同"}), nil
	case r.Err != nil:
		return nil, r.Err
	case !r.Accepted():
		var lines []string
		for _, problem := range r.Problems {
			lines = append(lines, problem.In(p.Config.Gateway.Language))
		}
		told := config.Redact(strings.Join(lines, "\n"), text)
		return nil, console.Tell(dlt645.Text{EN: "%s", ZH: "%s"}, dlt645.Text{EN: "the configuration that runs goes on", ZH: "当前配置继续运行"}, told)
	}
	return p.done(takeover.Taken), nil
}

// inZone leaves a time that never was what it is.
func inZone(t time.Time, zone *time.Location) time.Time {
	if t.IsZero() {
		return t
	}
	return t.In(zone)
}

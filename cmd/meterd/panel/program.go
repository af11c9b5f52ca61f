package panel

import (
	"context"

	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/update"
	"meterd/dlt645"
)

// programStatus tells which program runs.
func (p *Panel) programStatus() console.ProgramStatus {
	s := console.ProgramStatus{Version: p.Version, Board: update.ThisBoard()}
	if p.Update == nil {
		return s
	}
	v := p.Update()
	if v.Running.Kind == update.Card {
		s.Board = v.Running.Board
	}
	zone := p.Config.Gateway.Zone
	s.Able, s.State, s.To, s.From, s.By, s.Floor = v.Able, string(v.Phase), v.To.Version, v.From.Version, v.By, v.Floor
	s.At, s.Until, s.Why, s.Says = known(inZone(v.At, zone)), known(inZone(v.Until, zone)), v.Why.EN, v.Why
	return s
}

// version tells which program runs, and with a word more what came of the last
// update, or takes one from a file of the board.
func (p *Panel) version(ctx context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
	if len(args) == 0 {
		return console.Line{Value: p.Version}, nil
	}
	args, yes := sure(args)
	if len(args) == 0 || args[0] != "update" || len(args) > 2 {
		return nil, console.Tell(dlt645.Text{EN: "version takes nothing, or update and a file", ZH: "version 不带参数，或带 update 和一个文件"}, dlt645.Text{EN: "as: version update /data/meterd-1.4.0-armv7.update", ZH: "例如：version update /data/meterd-1.4.0-armv7.update"})
	}
	if len(args) == 1 {
		return p.programStatus(), nil
	}
	if !yes {
		return nil, console.Sure(dlt645.Text{EN: "this starts another program, which goes back by itself unless it proves itself; meters are not read for about a minute", ZH: "将启动另一个程序（未证明可用会自动恢复）；约一分钟内不抄表"})
	}
	f, err := p.TakeUpdate(ctx, args[1])
	if err != nil {
		return nil, err
	}
	return p.done(dlt645.Text{EN: "%s is whole in its place; it starts now, on trial", ZH: "%s 已写入，即将启动试运行"}, f.Version), nil
}

package panel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/desk"
	"meterd/dlt645"
	"meterd/meter"
)

// The console's commands that change a meter, or the board. Each asks unless
// -yes stands with it, and tells what the meter shows afterwards.

var (
	tryHelp    = dlt645.Text{EN: "try: help", ZH: "请试：help"}
	tryMeters  = dlt645.Text{EN: "try: meters", ZH: "请试：meters"}
	noPassword = dlt645.Text{EN: "add password, PA P0 P1 P2 as 8 hexadecimal digits, to its [[meter]]", ZH: "请在其 [[meter]] 中添加 password（PA P0 P1 P2，8 位十六进制）"}
)

// sure takes -yes out of the arguments and tells whether it was there.
func sure(args []string) (rest []string, yes bool) {
	return slices.DeleteFunc(slices.Clone(args), func(s string) bool { return s == "-yes" }), slices.Contains(args, "-yes")
}

// changed gives the meter that is to be changed. Who would be refused for lack
// of a password is told before being asked whether it is meant.
func (p *Panel) changed(who string, password bool) (*meter.Handle, error) {
	m, err := p.find(who)
	if err == nil && password && !m.HasPassword {
		err = lacksPassword(who)
	}
	return m, err
}

func lacksPassword(who string) error {
	return console.Tell(dlt645.Text{EN: "the configuration has no password for meter %s", ZH: "配置中没有电表 %s 的密码"}, noPassword, who)
}

// notDone tells why a meter did not do what it was told.
func notDone(m *meter.Handle, r meter.Result) error {
	hint := dlt645.Text{}
	switch r.Outcome {
	case meter.Denied:
		return lacksPassword(m.Name)
	case meter.NotTaken:
		hint = dlt645.Text{EN: "password, programming key, or the meter takes enciphered commands alone", ZH: "请检查密码、编程键，或该表只接受密文命令"}
		if refusal, ok := errors.AsType[*dlt645.Refusal](r.Err); ok && refusal.Unsupported() {
			hint = dlt645.Text{EN: "the meter does not have it: another point, or data identifier", ZH: "该表没有此项：请换测点或数据标识"}
		}
	case meter.Unconfirmed:
		hint = dlt645.Text{EN: "it was sent once; read the meter to see whether it took it", ZH: "命令只发送一次；请抄读电表确认是否生效"}
	case meter.NoAnswer:
		hint = dlt645.Text{EN: "it was told nothing; is it powered, and on this line?", ZH: "未发送命令；请检查电表供电及接线"}
	}
	return &console.Told{Text: r.Text, Hint: hint}
}

// done is the answer of what worked.
func (p *Panel) done(t dlt645.Text, args ...any) console.Answer {
	return console.Line{Value: console.Tell(t, dlt645.Text{}, args...).Text.In(p.Config.Gateway.Language)}
}

// writeMeter writes a value, which is read back.
func (p *Panel) writeMeter(ctx context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
	args, yes := sure(args)
	if len(args) != 3 {
		return nil, console.Tell(dlt645.Text{EN: "write takes a meter, a data identifier or point, and a value", ZH: "write 需要电表、数据标识（或测点）和数值"},
			dlt645.Text{EN: "as: write METER 04000103 60", ZH: "例如：write METER 04000103 60"})
	}
	m, err := p.changed(args[0], true)
	if err != nil {
		return nil, err
	}
	di, value, err := p.Config.Points.Settable(m, args[1], args[2])
	if err != nil {
		return nil, console.Tell(dlt645.Text{EN: "%s", ZH: "%s"}, dlt645.Text{EN: "write the value as read shows it", ZH: "请按 read 显示的格式填写数值"}, strings.TrimPrefix(strings.TrimPrefix(err.Error(), "dlt645: "), "meter: "))
	}
	if !yes {
		t := console.Sure(dlt645.Text{EN: "this writes %[2]s into %[3]s of meter %[1]s (bytes %[4]X)", ZH: "将把 %[2]s 写入电表 %[1]s 的 %[3]s（字节 %[4]X）"}, args[0], args[2], di, value)
		if n := desk.WriteLength(di, value); n > dlt645.MaxWriteData {
			t.Text.EN += fmt.Sprintf("; it has %d bytes of data, and the standard allows %d in a write: the meter may refuse", n, dlt645.MaxWriteData)
			t.Text.ZH += fmt.Sprintf("；数据共 %d 字节，标准允许写入 %d 字节：电表可能拒绝", n, dlt645.MaxWriteData)
		}
		return nil, t
	}
	if r := p.Desk.Do(ctx, meter.Command{Op: writeOp(args[1]), Meter: m, Point: args[1], Value: args[2]}); r.Outcome != meter.Done {
		return nil, notDone(m, r)
	}
	if di.Code == 0x04000101 || di.Code == 0x04000102 {
		return p.done(dlt645.Text{EN: "accepted; a clock runs on and is not compared", ZH: "电表已接受；时钟持续走动，不作比对"}), nil
	}
	return p.done(dlt645.Text{EN: "done: %s reads back as %s", ZH: "已完成：%s 回读为 %s"}, di, args[2]), nil
}

// writeOp is what a write of this name is: of a data identifier, or of a point.
func writeOp(name string) meter.Operation {
	if _, err := dlt645.ParseDI(name); err == nil {
		return meter.OpWrite
	}
	return meter.OpSet
}

// instantFreeze is the time of the last freeze that was ordered at once.
var instantFreeze = dlt645.DI{Code: 0x05010001}

// freezeMeter freezes the registers at once, and tells the time that the
// meter has noted for it.
func (p *Panel) freezeMeter(ctx context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
	args, yes := sure(args)
	if len(args) != 1 {
		return nil, console.Tell(dlt645.Text{EN: "freeze takes a meter", ZH: "freeze 需要电表"}, tryMeters)
	}
	m, err := p.changed(args[0], false)
	if err != nil {
		return nil, err
	}
	if !yes {
		return nil, console.Sure(dlt645.Text{EN: "this freezes the registers of meter %s at once", ZH: "将立即冻结电表 %s 的数据"}, args[0])
	}
	if r := p.Desk.Do(ctx, meter.Command{Op: meter.OpFreeze, Meter: m}); r.Outcome != meter.Done {
		return nil, notDone(m, r)
	}
	if at, ok := p.shows(ctx, m, instantFreeze); ok {
		return p.done(dlt645.Text{EN: "done: the meter's last instant freeze is of %s", ZH: "已完成：电表最近一次瞬时冻结时间为 %s"}, at), nil
	}
	return p.done(dlt645.Text{EN: "accepted; the meter does not tell the time of the freeze", ZH: "电表已接受；未能读出冻结时间"}), nil
}

// resetDemand sets the maximum demands to zero, and tells what they are then.
func (p *Panel) resetDemand(ctx context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
	args, yes := sure(args)
	if len(args) != 1 {
		return nil, console.Tell(dlt645.Text{EN: "demand-reset takes a meter", ZH: "demand-reset 需要电表"}, tryMeters)
	}
	m, err := p.changed(args[0], true)
	if err != nil {
		return nil, err
	}
	if !yes {
		return nil, console.Sure(dlt645.Text{EN: "this clears the maximum demands of meter %s for ever", ZH: "将永久清除电表 %s 的最大需量"}, args[0])
	}
	if r := p.Desk.Do(ctx, meter.Command{Op: meter.OpDemandReset, Meter: m}); r.Outcome != meter.Done {
		return nil, notDone(m, r)
	}
	if points, ok := p.Config.Points.Expand("demand.forward"); ok {
		if reqs, err := p.Desk.Line(m).PlanFor(m, points); err == nil && len(reqs) > 0 {
			if now, ok := p.shows(ctx, m, reqs[0].DI); ok {
				return p.done(dlt645.Text{EN: "accepted: the maximum demand now reads %s", ZH: "电表已接受：最大需量现读数为 %s"}, now), nil
			}
		}
	}
	return p.done(dlt645.Text{EN: "accepted; the demand could not be read afterwards", ZH: "电表已接受；之后未能读出需量"}), nil
}

// shows reads an identifier's first value.
func (p *Panel) shows(ctx context.Context, m *meter.Handle, di dlt645.DI) (string, bool) {
	res, err := p.Desk.Line(m).ReadNow(ctx, m, di)
	if err != nil {
		return "", false
	}
	items, err := dlt645.Decode(nil, di, res.Data)
	if err != nil || len(items) == 0 {
		return "", false
	}
	text := items[0].Value.String()
	if unit := items[0].Unit(); unit != "" {
		text += " " + unit
	}
	return text, items[0].Value.Known()
}

// switchRelay commands a relay.
func (p *Panel) switchRelay(ctx context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
	args, yes := sure(args)
	if len(args) != 2 {
		return nil, console.Tell(dlt645.Text{EN: "relay takes a meter and trip, permit or close", ZH: "relay 需要电表以及 trip、permit 或 close"},
			dlt645.Text{EN: "as: relay " + p.anyMeter() + " close", ZH: "例如：relay " + p.anyMeter() + " close"})
	}
	c, ok := dlt645.ParseCommand(args[1])
	if !ok {
		words := strings.Join(dlt645.CommandWords(), ", ")
		return nil, console.Tell(dlt645.Text{EN: "%q is no command to a relay", ZH: "%q 不是继电器命令"}, dlt645.Text{EN: words, ZH: words}, args[1])
	}
	m, err := p.changed(args[0], true)
	if err != nil {
		return nil, err
	}
	if !yes {
		t := console.Sure(dlt645.Text{EN: "this switches the power of %s: ", ZH: "将切换 %s 的供电："}, args[0])
		t.Text.EN += c.Text().EN
		t.Text.ZH += c.Text().ZH
		return nil, t
	}
	r := p.Desk.Do(ctx, meter.Command{Op: meter.RelayOp(c), Meter: m, Relay: c})
	switch r.Outcome {
	case meter.Done:
		return p.done(dlt645.Text{EN: "done: " + c.Text().EN, ZH: "已完成：" + c.Text().ZH}), nil
	case meter.Unconfirmed:
		look := "read " + strconv.Quote(args[0]) + " 04000503"
		return nil, &console.Told{Text: r.Text, Hint: dlt645.Text{EN: "look at the meter: status word 3 tells its relay: " + look, ZH: "请查看电表：状态字 3 反映继电器：" + look}}
	}
	return nil, notDone(m, r)
}

// rebootAfter is the moment between the answer and the end.
const rebootAfter = time.Second

// reboot starts the board anew. What is in memory becomes durable first.
func (p *Panel) reboot(ctx context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
	args, yes := sure(args)
	if len(args) != 0 {
		return nil, console.Tell(dlt645.Text{EN: "reboot takes nothing but -yes", ZH: "reboot 只接受 -yes"}, dlt645.Text{})
	}
	if !yes {
		return nil, console.Sure(dlt645.Text{EN: "this starts the whole board anew; meters are not read for about a minute", ZH: "将重启整块板；约一分钟内不抄表"})
	}
	if err := p.Ring.Flush(); err != nil {
		p.Log.Error("the readings in memory are lost by the reboot", "err", err)
	}
	p.Save()
	p.Log.Warn("the board is started anew, as asked for on the console")
	time.AfterFunc(rebootAfter, func() {
		if err := p.Restart(); err != nil {
			p.Log.Error("the board cannot be started anew", "err", err)
		}
	})
	return p.done(dlt645.Text{EN: "what was in memory is on flash; the board starts anew now", ZH: "内存中的数据已写入闪存；正在重启"}), nil
}

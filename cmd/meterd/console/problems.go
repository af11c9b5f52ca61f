package console

import (
	"slices"
	"strings"
	"time"

	"meterd/dlt645"
)

// problem is something that is wrong, and what to do about it.
type problem struct {
	what, todo string
}

// Problem is one in each language.
type Problem struct {
	What, Todo dlt645.Text
}

// Problems lists what is wrong, worst first.
func (s Status) Problems() (all []Problem) {
	zh := s.problems("zh")
	for i, p := range s.problems("en") {
		all = append(all, Problem{dlt645.Text{EN: p.what, ZH: zh[i].what}, dlt645.Text{EN: p.todo, ZH: zh[i].todo}})
	}
	return all
}

// problems gathers what is wrong, worst first.
type problems struct {
	lang string
	list []problem
}

func (p *problems) add(what, todo dlt645.Text, args ...any) {
	p.list = append(p.list, problem{say(p.lang, what, args...), todo.In(p.lang)})
}

const (
	// highLoad is the share of a line's time that leaves no room for retries.
	highLoad = 0.85
	// oldBacklog is how long readings may wait before it is told.
	oldBacklog = 15 * time.Minute
	// nearlyLost is the share of what the ring holds that waits for an uplink.
	nearlyLost = 0.8
)

// problems lists what is wrong, worst first: what loses readings, what stops
// whole lines or platforms, single meters, and what only may become worse.
func (s Status) problems(lang string) []problem {
	p := &problems{lang: lang}
	if s.Config.Blank {
		p.add(dlt645.Text{EN: "no configuration yet: plug in a stick with meterd.toml", ZH: "尚无配置：请插入带有 meterd.toml 的 U 盘"},
			dlt645.Text{EN: "on a stick for many boards this one's is boards/" + s.Gateway + ".toml", ZH: "一个 U 盘用于多块板时，本机的文件为 boards/" + s.Gateway + ".toml"})
	}
	if s.Health.DataInMemory {
		p.add(dlt645.Text{EN: "card: its data partition cannot be mounted or repaired, /data is in memory", ZH: "存储卡：数据分区无法挂载和修复，/data 位于内存中"},
			dlt645.Text{EN: "replace the card, and keep this one: nothing on its data partition was changed but by the attempt to repair it", ZH: "请更换存储卡并保留此卡：除尝试修复外，数据分区未被改动"})
	}
	s.ringProblems(p)
	p.list = append(p.list, s.Watchdog.problems(lang, s.Now)...)
	s.busProblems(p)
	s.Network.problems(p)
	for _, u := range s.Uplinks {
		u.problems(p, s)
	}
	p.list = append(p.list, s.Clock.problems(lang)...)
	s.meterProblems(p)
	s.relayProblems(p)
	s.loadProblems(p)
	s.configProblems(p)
	s.Program.problems(p, s.Now)
	return p.list
}

func (s Status) ringProblems(p *problems) {
	r := s.Ring
	switch {
	case r.LastErr != "" && r.Foreign:
		todo := say(p.lang, dlt645.Text{EN: "meterd ring format %s shows what it holds, and makes a new one; until then readings are in memory only",
			ZH: "meterd ring format %s 可查看其内容并重建；在此之前数据只在内存中，断电即丢失"}, r.Path)
		p.add(dlt645.Text{EN: "ring: it cannot be used: %s", ZH: "存储：无法使用：%s"}, dlt645.Text{EN: todo, ZH: todo}, r.LastErr)
	case r.LastErr != "" && r.Capacity == 0:
		p.add(dlt645.Text{EN: "ring: it cannot be used: %s", ZH: "存储：无法使用：%s"},
			dlt645.Text{EN: "see path and size in [store]; readings are in memory only, a power cut loses them", ZH: "请检查 [store] 的 path 和 size；数据目前只在内存中，断电即丢失"}, r.LastErr)
	case r.LastErr != "":
		p.add(dlt645.Text{EN: "ring: flash cannot be written: %s", ZH: "存储：无法写入闪存：%s"},
			dlt645.Text{EN: "replace the flash; readings are in memory only, a power cut loses them", ZH: "请更换闪存；数据目前只在内存中，断电即丢失"}, r.LastErr)
	}
	if s.Unkept != "" {
		p.add(dlt645.Text{EN: "state: it cannot be kept: %s", ZH: "状态文件：无法保存：%s"},
			dlt645.Text{EN: "is [store] state right, and is there room? the energies of day and month are lost with the power", ZH: "请检查 [store] state 和剩余空间；断电将丢失日、月电量"}, s.Unkept)
	}
	if r.Corrupt > 0 {
		p.add(dlt645.Text{EN: "ring: %d damaged places on the flash", ZH: "存储：闪存有 %d 处损坏"},
			dlt645.Text{EN: "if it grows, replace the flash; meterd ring verify shows where", ZH: "若继续增加请更换闪存；meterd ring verify 可查看位置"}, r.Corrupt)
	}
}

// metersOf gives the meters of a bus that were asked, and how many of them
// answer.
func (s Status) metersOf(bus string) (asked, online int) {
	for _, m := range s.Meters {
		if m.Bus == bus && m.Asked {
			asked++
			if m.Online {
				online++
			}
		}
	}
	return asked, online
}

// dead reports whether none of several meters of a line answers: then the
// line is to blame, not the meters.
func (s Status) dead(bus string) bool {
	asked, online := s.metersOf(bus)
	return asked > 1 && online == 0
}

func (s Status) busProblems(p *problems) {
	for _, b := range s.Buses {
		if b.Other != "" {
			p.add(dlt645.Text{EN: "bus %s: frames of %s pass on the line", ZH: "总线 %s：线路上有 %s 报文"},
				dlt645.Text{EN: "a device of another protocol is on it, or the meter speaks it: set it to DL/T 645, or give it a line of its own", ZH: "线路上有其他规约的设备，或电表使用该规约：请设为 DL/T 645，或分到单独总线"}, b.Name, b.Other)
		}
	}
	for _, b := range s.Buses {
		if b.PortErr != "" {
			p.add(dlt645.Text{EN: "bus %s: port %s does not work: %s", ZH: "总线 %s：端口 %s 不可用：%s"},
				dlt645.Text{EN: "check port in [[bus]] and that the adapter is plugged in", ZH: "请检查 [[bus]] 的 port 以及适配器是否插好"}, b.Name, b.Port, b.PortErr)
		}
	}
	for _, b := range s.Buses {
		asked, _ := s.metersOf(b.Name)
		switch {
		case b.PortErr != "":
		case s.garbled(b):
			p.add(dlt645.Text{EN: "bus %s: answers come, and each is garbled after its first bytes", ZH: "总线 %s：有应答，但起始字节之后均为乱码"},
				dlt645.Text{EN: "the parity or the rate is wrong: set parity and baud in [[bus]]; meterd scan -parity tries others", ZH: "校验或波特率不对：请设置 [[bus]] 的 parity 和 baud；meterd scan -parity 可逐一尝试"}, b.Name)
		case !s.dead(b.Name):
		case b.Echoes > 0 && b.Echoes*10 >= b.Requests*9:
			p.add(dlt645.Text{EN: "bus %s: what is sent comes back, and none of %d meters answers", ZH: "总线 %s：发出的数据被回传，%d 块电表均不应答"},
				dlt645.Text{EN: "the adapter echoes: that is no harm; check wires A and B, baud and parity from there to the meters", ZH: "适配器有回波，本身无害；请检查其后的 A/B 接线、波特率和校验"}, b.Name, asked)
		case b.Noise > b.Silence:
			p.add(dlt645.Text{EN: "bus %s: none of %d meters is understood, all is noise", ZH: "总线 %s：%d 块电表均无法识别，全是干扰"},
				dlt645.Text{EN: "check baud and parity, then A and B, termination, shield", ZH: "请检查波特率和校验，再查 A/B 是否接反、终端电阻、屏蔽"}, b.Name, asked)
		default:
			p.add(dlt645.Text{EN: "bus %s: the line is dead, none of %d meters answers", ZH: "总线 %s：线路无响应，%d 块电表均不应答"},
				dlt645.Text{EN: "check wires A and B (swapped?), baud and parity, the meters' power", ZH: "请检查 A/B 接线（是否接反）、波特率和校验、电表供电"}, b.Name, asked)
		}
	}
}

// garbled reports whether none of a line's meters answers, and most of what came
// is what wrong settings of the line make of answers.
func (s Status) garbled(b BusStatus) bool {
	asked, online := s.metersOf(b.Name)
	return asked > 0 && online == 0 && b.Garbled > 0 && 2*b.Garbled >= b.Noise && b.Noise >= b.Silence && b.Answers == 0
}

// meterProblems sums meters up that share a trouble.
func (s Status) meterProblems(p *problems) {
	whole := map[string]bool{} // lines that are told of as a whole
	for _, b := range s.Buses {
		whole[b.Name] = b.PortErr != "" || s.dead(b.Name) || s.garbled(b)
	}
	var never, silent, partly []MeterStatus
	for _, m := range s.Meters {
		switch {
		case whole[m.Bus] || !m.Asked:
		case m.Foreign > 0 && m.LastErr != "":
			p.add(dlt645.Text{EN: "meter %s (%s) was asked %d times and another meter answered", ZH: "询问电表 %s (%s) 时有 %d 次是其他电表应答"},
				dlt645.Text{EN: "two meters may answer at this address; scan BUS shows which are there", ZH: "该地址可能有两块电表；scan 可查看总线上的电表"}, m.Name, m.Address, m.Foreign)
		case m.Late > 0 && m.LastErr != "":
			p.add(dlt645.Text{EN: "meter %s (%s): its answers come too late, after %.1f s", ZH: "电表 %s (%s)：应答过晚，%.1f 秒后才到"},
				dlt645.Text{EN: `raise timeout in [[bus]], or use timeout = "auto"`, ZH: `请增大 [[bus]] 的 timeout，或使用 timeout = "auto"`}, m.Name, m.Address, m.Late/1000)
		case !m.Online && m.LastGood == nil:
			never = append(never, m)
		case !m.Online:
			silent = append(silent, m)
		case m.LastErr != "":
			partly = append(partly, m)
		}
	}
	slices.SortStableFunc(silent, func(a, b MeterStatus) int { return a.LastGood.Compare(*b.LastGood) })
	switch len(never) {
	case 0:
	case 1:
		p.add(dlt645.Text{EN: "meter %s (%s) has never answered", ZH: "电表 %s (%s) 从未应答"},
			dlt645.Text{EN: "check its address, its baud and parity, wires A and B, its power", ZH: "请检查其地址、波特率和校验、A/B 接线、供电"}, never[0].Name, never[0].Address)
	default:
		p.add(dlt645.Text{EN: "%d meters have never answered: %s", ZH: "%d 块电表从未应答：%s"},
			dlt645.Text{EN: "check their addresses, baud and parity, their wires; scan BUS finds them", ZH: "请检查其地址、波特率和校验、接线；scan 可搜索"}, len(never), names(never))
	}
	switch len(silent) {
	case 0:
	case 1:
		p.add(dlt645.Text{EN: "meter %s (%s) has been silent for %s", ZH: "电表 %s (%s) 已 %s 无应答"},
			dlt645.Text{EN: "check its wires and its power", ZH: "请检查其接线和供电"}, silent[0].Name, silent[0].Address, ago(s.Now, *silent[0].LastGood))
	default:
		p.add(dlt645.Text{EN: "%d meters are silent, the longest for %s: %s", ZH: "%d 块电表无应答，最长已 %s：%s"},
			dlt645.Text{EN: "check their wires and their power", ZH: "请检查其接线和供电"}, len(silent), ago(s.Now, *silent[0].LastGood), names(silent))
	}
	switch len(partly) {
	case 0:
	case 1:
		p.add(dlt645.Text{EN: "meter %s: the last round was not whole: %s", ZH: "电表 %s：最近一轮不完整：%s"}, notWhole, partly[0].Name, partly[0].LastErr)
	default:
		p.add(dlt645.Text{EN: "%d meters: the last round was not whole: %s", ZH: "%d 块电表：最近一轮不完整：%s"}, notWhole, len(partly), names(partly))
	}
}

// relayProblems tells whose power is cut: on purpose, or by a protection.
func (s Status) relayProblems(p *problems) {
	var open []MeterStatus
	for _, m := range s.Meters {
		if m.Relay == RelayOpen {
			open = append(open, m)
		}
	}
	if len(open) > 0 {
		p.add(dlt645.Text{EN: "the relay is open, these have no power: %s", ZH: "继电器断开，表后无电：%s"},
			dlt645.Text{EN: "if it is not meant: relay NAME close", ZH: "如非有意：relay NAME close"}, names(open))
	}
}

var notWhole = dlt645.Text{EN: "check wires and termination, and whether it has all points of its profile", ZH: "请检查接线和终端电阻，以及电表是否支持 profile 中的全部测点"}

// names gives the names of meters; the screen cuts them.
func names(meters []MeterStatus) string {
	var all []string
	for i, m := range meters {
		if i == 12 {
			return strings.Join(all, ", ") + " …"
		}
		all = append(all, m.Name)
	}
	return strings.Join(all, ", ")
}

func (s Status) loadProblems(p *problems) {
	full := dlt645.Text{EN: "read less often, fewer points, or on another bus: see meterd check", ZH: "请减少频率或测点，或分到其他总线：见 meterd check"}
	for _, b := range s.Buses {
		missed := 0
		for _, m := range s.Meters {
			if m.Bus == b.Name && m.Missed*4 > m.Rounds && m.Missed > 5 {
				missed++
			}
		}
		switch {
		case missed > 0:
			p.add(dlt645.Text{EN: "bus %s is too full: %d meters miss rounds, load %d %%", ZH: "总线 %s 过载：%d 块电表错过轮次，负载 %d%%"}, full, b.Name, missed, percent(b.Load))
		case b.Load > highLoad && b.Planned > highLoad:
			p.add(dlt645.Text{EN: "bus %s is nearly full: load %d %%", ZH: "总线 %s 接近满载：负载 %d%%"}, full, b.Name, percent(b.Load))
		}
		if b.Noise*20 > b.Requests && b.Noise > 5 && !s.dead(b.Name) && !s.garbled(b) {
			p.add(dlt645.Text{EN: "bus %s: %d of %d requests met noise", ZH: "总线 %s：%d/%d 次请求遇到干扰"},
				dlt645.Text{EN: "check termination, shield, and that no two meters have one address", ZH: "请检查终端电阻、屏蔽，以及是否有地址相同的电表"}, b.Name, b.Noise, b.Requests)
		}
	}
}

func percent(share float64) int { return int(share*100 + 0.5) }

func (s Status) configProblems(p *problems) {
	left := time.Duration(0)
	if s.Config.Until != nil {
		left = s.Config.Until.Sub(s.Now)
	}
	switch s.Config.State {
	case "trial":
		p.add(dlt645.Text{EN: "a new configuration is on trial, %s left", ZH: "新配置试运行中，剩余 %s"},
			dlt645.Text{EN: "it stays when a meter answers or an uplink connects, else it goes back", ZH: "有电表应答或上行连接即保留，否则自动恢复原配置"}, span(left))
	case "partly":
		p.add(dlt645.Text{EN: "the new configuration: %s", ZH: "新配置：%s"},
			dlt645.Text{EN: "it stays; see the problems above", ZH: "已保留；请处理以上问题"}, s.Config.Says.In(p.lang))
	case "back":
		p.add(dlt645.Text{EN: "the last new configuration was taken back: %s", ZH: "上一个新配置已撤回：%s"},
			dlt645.Text{EN: "mend it and bring it again; the one before runs", ZH: "请修改后重新装入；目前运行原配置"}, s.Config.Says.In(p.lang))
	}
}

// overwrittenFrom tells of which time the readings are that were overwritten.
func (u UplinkStatus) overwrittenFrom(lang string) string {
	const short = "01-02 15:04"
	switch {
	case u.OverwrittenSince != nil && u.Oldest != nil:
		return say(lang, dlt645.Text{EN: ", of %s to %s", ZH: "（%s 至 %s）"}, u.OverwrittenSince.Format(short), u.Oldest.Format(short))
	case u.OverwrittenSince != nil:
		return say(lang, dlt645.Text{EN: ", of %s and later", ZH: "（自 %s 起）"}, u.OverwrittenSince.Format(short))
	case u.Oldest != nil:
		return say(lang, dlt645.Text{EN: ", of before %s", ZH: "（%s 之前）"}, u.Oldest.Format(short))
	}
	return ""
}

// problems of one uplink.
func (u UplinkStatus) problems(p *problems, s Status) {
	if !u.Connected {
		since := ""
		if !u.Since.IsZero() {
			since = " " + ago(s.Now, u.Since)
		}
		p.add(dlt645.Text{EN: "uplink %s is not connected%s: %s", ZH: "上行 %s 未连接%s：%s"}, u.Hint, u.Name, since, u.LastErr)
	}
	if u.Twin {
		p.add(dlt645.Text{EN: "uplink %s: another client may use our client id: the broker ended connections again and again", ZH: "上行 %s：可能有其他客户端使用本机的客户端标识，broker 多次断开连接"},
			dlt645.Text{EN: "a copied card, or two boards with one gateway.id or client_id?", ZH: "是否复制了存储卡，或两块板的 gateway.id、client_id 相同？"}, u.Name)
	}
	if u.Held {
		p.add(dlt645.Text{EN: "uplink %s: nothing goes out, the consumer is not online", ZH: "上行 %s：消费者不在线，暂停上报"},
			dlt645.Text{EN: "start it; its topic, consumer in [uplink.mqtt], must say online", ZH: "请启动消费者；其主题（[uplink.mqtt] 的 consumer）须为 online"}, u.Name)
	}
	if u.Queued > 0 && u.Oldest != nil && s.Now.Sub(*u.Oldest) > oldBacklog {
		todo := dlt645.Text{EN: "it is delivered once the uplink is connected; nothing is lost yet", ZH: "连接恢复后会补发；目前没有丢失"}
		if u.Connected {
			todo = dlt645.Text{EN: "it is being delivered; uplink NAME shows whether the platform takes it", ZH: "正在补发；uplink 命令可查看平台是否接收"}
		}
		p.add(dlt645.Text{EN: "uplink %s: %d readings wait, the oldest for %s", ZH: "上行 %s：%d 条待发，最早已等 %s"}, todo, u.Name, u.Queued, ago(s.Now, *u.Oldest))
	}
	holds := time.Duration(s.Ring.Holds) * time.Second
	switch {
	case u.Overwritten > 0:
		if holds == 0 && u.Oldest != nil {
			holds = s.Now.Sub(*u.Oldest) // so it has held so long
		}
		longer := ""
		if holds > 0 {
			longer = ": " + span(holds)
		}
		p.add(dlt645.Text{EN: "uplink %s: the outage is longer than the ring holds%s; %d undelivered readings overwritten%s", ZH: "上行 %s：中断时间超过存储容量%s；%d 条数据未上报即被覆盖%s"},
			dlt645.Text{EN: "restore the connection, and enlarge store.size", ZH: "请恢复连接，并增大 store.size"}, u.Name, longer, u.Overwritten, u.overwrittenFrom(p.lang))
	case holds > 0 && u.Oldest != nil && float64(s.Now.Sub(*u.Oldest)) > nearlyLost*float64(holds):
		p.add(dlt645.Text{EN: "uplink %s: the ring, which holds %s, is nearly full of what waits", ZH: "上行 %s：存储可保存 %s，即将被待发数据占满"},
			dlt645.Text{EN: "restore the connection, or the oldest readings are lost", ZH: "请恢复连接，否则最旧的数据将丢失"}, u.Name, span(holds))
	}
	if u.Lost > 0 {
		p.add(dlt645.Text{EN: "uplink %s: %d readings lost, the ring was full or damaged", ZH: "上行 %s：丢失 %d 条记录（存储已满或损坏）"},
			dlt645.Text{EN: "restore the connection sooner, or give store.size more", ZH: "请尽快恢复连接，或增大 store.size"}, u.Name, u.Lost)
	}
	unregistered := dlt645.Text{EN: "check the meter's id, product and key, here and on the platform", ZH: "请核对电表的标识、产品和密钥（本板配置和平台）"}
	if slices.ContainsFunc(u.Unregistered, func(why string) bool { return strings.HasSuffix(why, "(40004)") }) {
		unregistered = dlt645.Text{EN: "bind the sub-device to this gateway in the platform's console first", ZH: "请先在平台控制台将子设备绑定到本网关"}
	}
	switch n := len(u.Unregistered); {
	case n == 1:
		p.add(dlt645.Text{EN: "uplink %s does not register meter %s", ZH: "上行 %s 未登记电表 %s"}, unregistered, u.Name, u.Unregistered[0])
	case n > 1:
		p.add(dlt645.Text{EN: "uplink %s does not register %d meters: %s", ZH: "上行 %s 未登记 %d 块电表：%s"}, unregistered, u.Name, n, strings.Join(u.Unregistered, ", "))
	}
	if u.SetAside > 0 {
		p.add(dlt645.Text{EN: "uplink %s: %d messages set aside, the last: %s", ZH: "上行 %s：搁置 %d 条报文，最近：%s"},
			dlt645.Text{EN: "what are the broker's largest message, and its policy for this topic? the log has all", ZH: "请核对平台的报文大小上限和主题策略；详见 log"}, u.Name, u.SetAside, u.LastAside)
	}
	if u.Refused > 0 {
		p.add(dlt645.Text{EN: "uplink %s: %d items refused, the last: %s", ZH: "上行 %s：平台拒收 %d 项，最近：%s"}, refusalHint(u), u.Name, u.Refused, u.LastRefusal)
	}
}

// refusalHint tells what to look at when a platform refuses items: the last
// refusal, which is told beside it, decides.
func refusalHint(u UplinkStatus) dlt645.Text {
	switch {
	case u.Kind != "tuya":
	case strings.HasSuffix(u.LastRefusal, "(1001)"):
		return dlt645.Text{EN: "the platform does not take old readings' time: see stale in [uplink.tuya]", ZH: "平台不接受旧数据的时间：见 [uplink.tuya] 的 stale"}
	case strings.HasSuffix(u.LastRefusal, "(1101)"):
		return dlt645.Text{EN: "the product on the platform has another range or scale: see scale in [[uplink.map]]", ZH: "平台产品定义的范围或倍率不同：见 [[uplink.map]] 的 scale"}
	case strings.HasSuffix(u.LastRefusal, "(1100)"), strings.HasSuffix(u.LastRefusal, "(1102)"), strings.HasSuffix(u.LastRefusal, "(1103)"):
		return dlt645.Text{EN: "the product on the platform has another form for it: see phase and fault in [uplink.tuya], else [[uplink.map]]", ZH: "平台产品定义的格式不同：见 [uplink.tuya] 的 phase、fault 或 [[uplink.map]]"}
	}
	return dlt645.Text{EN: "check [[uplink.map]] and the product on the platform", ZH: "请检查 [[uplink.map]] 和平台上的产品定义"}
}

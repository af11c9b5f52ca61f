package dlt645

// table1997 holds the identifiers of the 1997 edition but the energies and
// demands, which rows1997 makes of the three lists below; as table2007.
var table1997 = []byte(`
+9000 byTariff97 XXXXXX.XX kWh combined active energy|组合有功电能
# Variables and counts.
 B210 single MMDDhhmm - last programming|最近一次编程时间
 B211 single MMDDhhmm - last demand reset|最近一次最大需量清零时间
 B212 single NNNN - programming count|编程次数
 B213 single NNNN - demand reset count|最大需量清零次数
 B214 single NNNNNN min battery working time|电池工作时间
 B310 byTotal97 NNNN - phase loss count|断相次数
 B320 byTotal97 NNNNNN min phase loss duration|断相时间累计值
 B330 byTotal97 MMDDhhmm - phase loss begin|断相起始时刻
 B340 byTotal97 MMDDhhmm - phase loss end|断相结束时刻
 B610 byPhase97 XXXX V voltage|电压
 B620 byPhase97 XX.XX A current|电流
 B630 byTotal97 XX.XXXX kW active power|瞬时有功功率
 B634 single XX.XX kW forward active power limit|正向有功功率上限值
 B635 single XX.XX kW reverse active power limit|反向有功功率上限值
 B640 byTotal97 XX.XX kvar reactive power|瞬时无功功率
 B650 byTotal97 X.XXX - power factor|功率因数
# Some vendors have the frequency here, others the phase angle, so that
# nothing but what a grid can have is taken for one.
*B660 single XX.XX[45-65] Hz frequency|电网频率
# Parameters.
 C010 single YYMMDDWW - date|日期
 C011 single hhmmss - time|时间
 C020 single B8 - meter status word|电表运行状态字
 C021 single B8 - grid status word|电网状态字
 C022 single B8 - weekend word|周休日状态字
 C030 single NNNNNN imp/kWh active meter constant|有功常数
 C031 single NNNNNN imp/kvarh reactive meter constant|无功常数
 C032 single N12 - meter number|表号
 C033 single N12 - user number|用户号
 C034 single N12 - device code|设备码
 C111 single NN min maximum demand period|最大需量周期
 C112 single NN min sliding time|滑差时间
 C113 single NN s display: seconds a screen|循显时间
 C114 single NN s display: seconds of a stop|停显时间
 C115 single NN - display: decimals of energies|显示电能小数位数
 C116 single NN - display: decimals of powers|显示功率(最大需量)小数位数
 C117 single DDhh - settlement day|自动抄表日期
 C118 single NN - load representative day|负荷代表日
 C119 single XXXXXXX.X kWh active start energy|有功电能起始读数
 C11A single XXXXXXX.X kvarh reactive start energy|无功电能起始读数
 C211 single NNNN ms pulse width|输出脉冲宽度
 C212 single O4 - password|密码权限及密码
 C310 single NN - number of year zones|年时区数
 C311 single NN - number of day tables|日时段表数
 C312 single NN - number of day periods|日时段数
 C313 single NN - number of tariffs|费率数
 C314 single NN - number of holidays|公共假日数
 C320 byNumber97 MMDDNN - time zone|时区起始日期及日时段表号
 C330 byNumber97 hhmmNN - day table 1 period|第1日时段表时段
 C340 byNumber97 hhmmNN - day table 2 period|第2日时段表时段
 C350 byNumber97 hhmmNN - day table 3 period|第3日时段表时段
 C360 byNumber97 hhmmNN - day table 4 period|第4日时段表时段
 C370 byNumber97 hhmmNN - day table 5 period|第5日时段表时段
 C380 byNumber97 hhmmNN - day table 6 period|第6日时段表时段
 C390 byNumber97 hhmmNN - day table 7 period|第7日时段表时段
 C3A0 byNumber97 hhmmNN - day table 8 period|第8日时段表时段
 C410 byHoliday97 MMDDNN - holiday|公共假日日期及日时段表号
 C41E single NN - weekend day table|周休日采用的日时段表号
 C510 single MMDDhhmm - load record start|负荷记录起始时间
 C511 single NNNN min load record interval|负荷记录间隔时间
`)

// registers1997 are the second and third digit of an energy 9xxx, a maximum
// demand Axxx or its time Bxxx.
var registers1997 = []struct {
	code   uint32
	active bool
	name   Text
}{
	{0x010, true, Text{"forward active", "正向有功"}},
	{0x020, true, Text{"reverse active", "反向有功"}},
	{0x110, false, Text{"forward reactive", "正向无功"}},
	{0x120, false, Text{"reverse reactive", "反向无功"}},
	{0x130, false, Text{"quadrant I reactive", "一象限无功"}},
	{0x140, false, Text{"quadrant IV reactive", "四象限无功"}},
	{0x150, false, Text{"quadrant II reactive", "二象限无功"}},
	{0x160, false, Text{"quadrant III reactive", "三象限无功"}},
}

// periods1997 are what the second digit adds: now, last month, the month
// before.
var periods1997 = []struct {
	code          uint32
	before, after string
	zh            string
}{
	{0x000, "", "", ""},
	{0x400, "last month's ", "", "上月"},
	{0x800, "", " of the month before last", "上上月"},
}

// kinds1997 are the first digit.
var kinds1997 = []struct {
	code             uint32
	format           string
	active, reactive string // unit
	before           string
	name             Text
}{
	{0x9000, "XXXXXX.XX", "kWh", "kvarh", "", Text{" energy", "电能"}},
	{0xA000, "XX.XXXX", "kW", "kvar", "", Text{" maximum demand", "最大需量"}},
	{0xB000, "MMDDhhmm", "", "", "time of the ", Text{" maximum demand", "最大需量发生时间"}},
}

func rows1997() []row {
	var rows []row
	for _, k := range kinds1997 {
		for _, p := range periods1997 {
			for _, r := range registers1997 {
				unit := k.reactive
				if r.active {
					unit = k.active
				}
				name := Text{k.before + p.before + r.name.EN + k.name.EN + p.after, p.zh + r.name.ZH + k.name.ZH}
				rows = append(rows, row{k.code | p.code | r.code, byTariff97, k.format, unit, name})
			}
		}
	}
	return append(rows, readRows(table1997)...)
}

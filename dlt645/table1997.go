package dlt645

// table1997 holds the identifiers of the 1997 edition but the energies and
// demands, which rows1997 makes of the three lists below.
var table1997 = []row{
	{0x9000, byTariff97, "XXXXXX.XX", "kWh", Text{"combined active energy", "组合有功电能"}}, // later; met in meters

	// Variables and counts.
	{0xB210, single, "MMDDhhmm", "", Text{"last programming", "最近一次编程时间"}},
	{0xB211, single, "MMDDhhmm", "", Text{"last demand reset", "最近一次最大需量清零时间"}},
	{0xB212, single, "NNNN", "", Text{"programming count", "编程次数"}},
	{0xB213, single, "NNNN", "", Text{"demand reset count", "最大需量清零次数"}},
	{0xB214, single, "NNNNNN", "min", Text{"battery working time", "电池工作时间"}},
	{0xB310, byTotal97, "NNNN", "", Text{"phase loss count", "断相次数"}},
	{0xB320, byTotal97, "NNNNNN", "min", Text{"phase loss duration", "断相时间累计值"}},
	{0xB330, byTotal97, "MMDDhhmm", "", Text{"phase loss begin", "断相起始时刻"}},
	{0xB340, byTotal97, "MMDDhhmm", "", Text{"phase loss end", "断相结束时刻"}},
	{0xB610, byPhase97, "XXXX", "V", Text{"voltage", "电压"}},
	{0xB620, byPhase97, "XX.XX", "A", Text{"current", "电流"}},
	{0xB630, byTotal97, "XX.XXXX", "kW", Text{"active power", "瞬时有功功率"}},
	{0xB634, single, "XX.XX", "kW", Text{"forward active power limit", "正向有功功率上限值"}},
	{0xB635, single, "XX.XX", "kW", Text{"reverse active power limit", "反向有功功率上限值"}},
	{0xB640, byTotal97, "XX.XX", "kvar", Text{"reactive power", "瞬时无功功率"}},
	{0xB650, byTotal97, "X.XXX", "", Text{"power factor", "功率因数"}},
	// Some vendors have the frequency here, others the phase angle, so that
	// nothing but what a grid can have is taken for one.
	{0xB660, single, "XX.XX[45-65]", "Hz", Text{"frequency", "电网频率"}}, // vendor

	// Parameters.
	{0xC010, single, "YYMMDDWW", "", Text{"date", "日期"}},
	{0xC011, single, "hhmmss", "", Text{"time", "时间"}},
	{0xC020, single, "B8", "", Text{"meter status word", "电表运行状态字"}},
	{0xC021, single, "B8", "", Text{"grid status word", "电网状态字"}},
	{0xC022, single, "B8", "", Text{"weekend word", "周休日状态字"}},
	{0xC030, single, "NNNNNN", "imp/kWh", Text{"active meter constant", "有功常数"}},
	{0xC031, single, "NNNNNN", "imp/kvarh", Text{"reactive meter constant", "无功常数"}},
	{0xC032, single, "N12", "", Text{"meter number", "表号"}},
	{0xC033, single, "N12", "", Text{"user number", "用户号"}},
	{0xC034, single, "N12", "", Text{"device code", "设备码"}},
	{0xC111, single, "NN", "min", Text{"maximum demand period", "最大需量周期"}},
	{0xC112, single, "NN", "min", Text{"sliding time", "滑差时间"}},
	{0xC113, single, "NN", "s", Text{"display: seconds a screen", "循显时间"}},
	{0xC114, single, "NN", "s", Text{"display: seconds of a stop", "停显时间"}},
	{0xC115, single, "NN", "", Text{"display: decimals of energies", "显示电能小数位数"}},
	{0xC116, single, "NN", "", Text{"display: decimals of powers", "显示功率(最大需量)小数位数"}},
	{0xC117, single, "DDhh", "", Text{"settlement day", "自动抄表日期"}},
	{0xC118, single, "NN", "", Text{"load representative day", "负荷代表日"}},
	{0xC119, single, "XXXXXXX.X", "kWh", Text{"active start energy", "有功电能起始读数"}},
	{0xC11A, single, "XXXXXXX.X", "kvarh", Text{"reactive start energy", "无功电能起始读数"}},
	{0xC211, single, "NNNN", "ms", Text{"pulse width", "输出脉冲宽度"}},
	{0xC212, single, "O4", "", Text{"password", "密码权限及密码"}},
	{0xC310, single, "NN", "", Text{"number of year zones", "年时区数"}},
	{0xC311, single, "NN", "", Text{"number of day tables", "日时段表数"}},
	{0xC312, single, "NN", "", Text{"number of day periods", "日时段数"}},
	{0xC313, single, "NN", "", Text{"number of tariffs", "费率数"}},
	{0xC314, single, "NN", "", Text{"number of holidays", "公共假日数"}},
	{0xC320, byNumber97, "MMDDNN", "", Text{"time zone", "时区起始日期及日时段表号"}},
	{0xC330, byNumber97, "hhmmNN", "", Text{"day table 1 period", "第1日时段表时段"}},
	{0xC340, byNumber97, "hhmmNN", "", Text{"day table 2 period", "第2日时段表时段"}},
	{0xC350, byNumber97, "hhmmNN", "", Text{"day table 3 period", "第3日时段表时段"}},
	{0xC360, byNumber97, "hhmmNN", "", Text{"day table 4 period", "第4日时段表时段"}},
	{0xC370, byNumber97, "hhmmNN", "", Text{"day table 5 period", "第5日时段表时段"}},
	{0xC380, byNumber97, "hhmmNN", "", Text{"day table 6 period", "第6日时段表时段"}},
	{0xC390, byNumber97, "hhmmNN", "", Text{"day table 7 period", "第7日时段表时段"}},
	{0xC3A0, byNumber97, "hhmmNN", "", Text{"day table 8 period", "第8日时段表时段"}},
	{0xC410, byHoliday97, "MMDDNN", "", Text{"holiday", "公共假日日期及日时段表号"}},
	{0xC41E, single, "NN", "", Text{"weekend day table", "周休日采用的日时段表号"}},
	{0xC510, single, "MMDDhhmm", "", Text{"load record start", "负荷记录起始时间"}},
	{0xC511, single, "NNNN", "min", Text{"load record interval", "负荷记录间隔时间"}},
}

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
	return append(rows, table1997...)
}

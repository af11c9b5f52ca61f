package dlt645

// table1997 holds the identifiers of the 1997 edition. What its sources tell
// no layout of is given as it comes.
var table1997 = []row{
	// Energy: now, last month, the month before.
	{0x9000, byTariff97, "XXXXXX.XX", "kWh", Text{"combined active energy", "组合有功电能"}}, // later; met in meters
	{0x9010, byTariff97, "XXXXXX.XX", "kWh", Text{"forward active energy", "正向有功电能"}},
	{0x9020, byTariff97, "XXXXXX.XX", "kWh", Text{"reverse active energy", "反向有功电能"}},
	{0x9110, byTariff97, "XXXXXX.XX", "kvarh", Text{"forward reactive energy", "正向无功电能"}},
	{0x9120, byTariff97, "XXXXXX.XX", "kvarh", Text{"reverse reactive energy", "反向无功电能"}},
	{0x9130, byTariff97, "XXXXXX.XX", "kvarh", Text{"quadrant I reactive energy", "一象限无功电能"}},
	{0x9140, byTariff97, "XXXXXX.XX", "kvarh", Text{"quadrant IV reactive energy", "四象限无功电能"}},
	{0x9150, byTariff97, "XXXXXX.XX", "kvarh", Text{"quadrant II reactive energy", "二象限无功电能"}},
	{0x9160, byTariff97, "XXXXXX.XX", "kvarh", Text{"quadrant III reactive energy", "三象限无功电能"}},
	{0x9410, byTariff97, "XXXXXX.XX", "kWh", Text{"last month's forward active energy", "上月正向有功电能"}},
	{0x9420, byTariff97, "XXXXXX.XX", "kWh", Text{"last month's reverse active energy", "上月反向有功电能"}},
	{0x9510, byTariff97, "XXXXXX.XX", "kvarh", Text{"last month's forward reactive energy", "上月正向无功电能"}},
	{0x9520, byTariff97, "XXXXXX.XX", "kvarh", Text{"last month's reverse reactive energy", "上月反向无功电能"}},
	{0x9530, byTariff97, "XXXXXX.XX", "kvarh", Text{"last month's quadrant I reactive energy", "上月一象限无功电能"}},
	{0x9540, byTariff97, "XXXXXX.XX", "kvarh", Text{"last month's quadrant IV reactive energy", "上月四象限无功电能"}},
	{0x9550, byTariff97, "XXXXXX.XX", "kvarh", Text{"last month's quadrant II reactive energy", "上月二象限无功电能"}},
	{0x9560, byTariff97, "XXXXXX.XX", "kvarh", Text{"last month's quadrant III reactive energy", "上月三象限无功电能"}},
	{0x9810, byTariff97, "XXXXXX.XX", "kWh", Text{"forward active energy of the month before last", "上上月正向有功电能"}},
	{0x9820, byTariff97, "XXXXXX.XX", "kWh", Text{"reverse active energy of the month before last", "上上月反向有功电能"}},
	{0x9910, byTariff97, "XXXXXX.XX", "kvarh", Text{"forward reactive energy of the month before last", "上上月正向无功电能"}},
	{0x9920, byTariff97, "XXXXXX.XX", "kvarh", Text{"reverse reactive energy of the month before last", "上上月反向无功电能"}},
	{0x9930, byTariff97, "XXXXXX.XX", "kvarh", Text{"quadrant I reactive energy of the month before last", "上上月一象限无功电能"}},
	{0x9940, byTariff97, "XXXXXX.XX", "kvarh", Text{"quadrant IV reactive energy of the month before last", "上上月四象限无功电能"}},
	{0x9950, byTariff97, "XXXXXX.XX", "kvarh", Text{"quadrant II reactive energy of the month before last", "上上月二象限无功电能"}},
	{0x9960, byTariff97, "XXXXXX.XX", "kvarh", Text{"quadrant III reactive energy of the month before last", "上上月三象限无功电能"}},

	// Maximum demand, and the time of its occurrence.
	{0xA010, byTariff97, "XX.XXXX", "kW", Text{"forward active maximum demand", "正向有功最大需量"}},
	{0xA020, byTariff97, "XX.XXXX", "kW", Text{"reverse active maximum demand", "反向有功最大需量"}},
	{0xB010, byTariff97, "MMDDhhmm", "", Text{"time of the forward active maximum demand", "正向有功最大需量发生时间"}},
	{0xB020, byTariff97, "MMDDhhmm", "", Text{"time of the reverse active maximum demand", "反向有功最大需量发生时间"}},

	// Variables and counts. The layout of the B2xx and B3xx is not attested.
	{0xB210, single, "O", "", Text{"last programming", "最近一次编程时间"}},
	{0xB211, single, "O", "", Text{"last demand reset", "最近一次最大需量清零时间"}},
	{0xB212, single, "O", "", Text{"programming count", "编程次数"}},
	{0xB213, single, "O", "", Text{"demand reset count", "最大需量清零次数"}},
	{0xB214, single, "O", "", Text{"battery working time", "电池工作时间"}},
	{0xB310, byTotal97, "O", "", Text{"phase loss count", "断相次数"}},
	{0xB320, byTotal97, "O", "", Text{"phase loss duration", "断相时间累计值"}},
	{0xB330, byTotal97, "O", "", Text{"phase loss begin", "断相起始时刻"}},
	{0xB340, byTotal97, "O", "", Text{"phase loss end", "断相结束时刻"}},
	{0xB610, byPhase97, "XXXX", "V", Text{"voltage", "电压"}},
	{0xB620, byPhase97, "XX.XX", "A", Text{"current", "电流"}},
	{0xB630, byTotal97, "XX.XXXX", "kW", Text{"active power", "瞬时有功功率"}},
	{0xB640, byTotal97, "XX.XX", "kvar", Text{"reactive power", "瞬时无功功率"}},
	{0xB650, byTotal97, "X.XXX", "", Text{"power factor", "功率因数"}},
	{0xB660, single, "XX.XX", "Hz", Text{"frequency", "电网频率"}}, // vendor

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
	{0xC117, single, "DDhh", "", Text{"settlement day", "自动抄表日期"}},
	{0xC119, single, "XXXXXX.XX", "kWh", Text{"active start energy", "有功电能起始读数"}},     // general knowledge
	{0xC11A, single, "XXXXXX.XX", "kvarh", Text{"reactive start energy", "无功电能起始读数"}}, // general knowledge
	{0xC211, single, "NNNN", "ms", Text{"pulse width", "输出脉冲宽度"}},
	{0xC212, single, "O4", "", Text{"password", "密码权限及密码"}},
	{0xC310, single, "NN", "", Text{"number of year zones", "年时区数"}},
	{0xC311, single, "NN", "", Text{"number of day tables", "日时段表数"}},
	{0xC312, single, "NN", "", Text{"number of day periods", "日时段数"}},
	{0xC313, single, "NN", "", Text{"number of tariffs", "费率数"}},
	{0xC314, single, "NN", "", Text{"number of holidays", "公共假日数"}},
}

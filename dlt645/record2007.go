package dlt645

import "slices"

// The fields that the records of Appendix A.4 are made of. Increments of
// energy, and what was measured at the moment of the event.
var (
	begin    = field{Text{"begin", "发生时刻"}, "YYMMDDhhmmss", ""}
	end      = field{Text{"end", "结束时刻"}, "YYMMDDhhmmss", ""}
	operator = field{Text{"operator code", "操作者代码"}, "O4", ""}

	span = []field{begin, end}
	done = []field{begin, operator}

	increments = []field{
		{Text{"forward active increment", "正向有功电能增量"}, "XXXXXX.XX", "kWh"},
		{Text{"reverse active increment", "反向有功电能增量"}, "XXXXXX.XX", "kWh"},
		{Text{"combined reactive 1 increment", "组合无功1电能增量"}, "±XXXXXX.XX", "kvarh"},
		{Text{"combined reactive 2 increment", "组合无功2电能增量"}, "±XXXXXX.XX", "kvarh"},
	}
	momentary = []field{
		{Text{"voltage", "电压"}, "XXX.X", "V"},
		{Text{"current", "电流"}, "±XXX.XXX", "A"},
		{Text{"active power", "有功功率"}, "±XX.XXXX", "kW"},
		{Text{"reactive power", "无功功率"}, "±XX.XXXX", "kvar"},
		{Text{"power factor", "功率因数"}, "±X.XXX", ""},
	}
	ampereHours = []field{{Text{"ampere-hours", "安时数"}, "XXXXXX.XX", "Ah"}}

	registers = []field{
		{Text{"forward active energy", "正向有功电能"}, "XXXXXX.XX", "kWh"},
		{Text{"reverse active energy", "反向有功电能"}, "XXXXXX.XX", "kWh"},
		{Text{"quadrant I reactive energy", "第一象限无功电能"}, "XXXXXX.XX", "kvarh"},
		{Text{"quadrant II reactive energy", "第二象限无功电能"}, "XXXXXX.XX", "kvarh"},
		{Text{"quadrant III reactive energy", "第三象限无功电能"}, "XXXXXX.XX", "kvarh"},
		{Text{"quadrant IV reactive energy", "第四象限无功电能"}, "XXXXXX.XX", "kvarh"},
	}
	demands = withTimes([]field{
		{Text{"forward active maximum demand", "正向有功最大需量"}, "XX.XXXX", "kW"},
		{Text{"reverse active maximum demand", "反向有功最大需量"}, "XX.XXXX", "kW"},
		{Text{"quadrant I maximum demand", "第一象限无功最大需量"}, "XX.XXXX", "kvar"},
		{Text{"quadrant II maximum demand", "第二象限无功最大需量"}, "XX.XXXX", "kvar"},
		{Text{"quadrant III maximum demand", "第三象限无功最大需量"}, "XX.XXXX", "kvar"},
		{Text{"quadrant IV maximum demand", "第四象限无功最大需量"}, "XX.XXXX", "kvar"},
	})

	totals      = []field{{Text{"count", "总次数"}, "NNNNNN", ""}, {Text{"minutes", "总累计时间"}, "NNNNNN", "min"}}
	phaseTotals = phased(totals)

	lossRecord    = join(span, prefixed(total, increments), phased(join(increments, momentary)), prefixed(total, ampereHours), phased(ampereHours))
	currentRecord = join(span, prefixed(total, increments), phased(join(increments, momentary)))
	spanRecord    = join(span, prefixed(total, increments), phased(increments))
	unbalance     = join(span, []field{{Text{"highest unbalance", "最大不平衡率"}, "XX.XX", "%"}}, prefixed(total, increments), phased(increments))
	coverRecord   = join(span, prefixed(before, registers), prefixed(after, registers))

	quality = []field{
		{Text{"minutes monitored", "电压监测时间"}, "NNNNNN", "min"},
		{Text{"within limits", "电压合格率"}, "XXXX.XX", "%"},
		{Text{"beyond limits", "电压超限率"}, "XXXX.XX", "%"},
		{Text{"minutes too high", "电压超上限时间"}, "NNNNNN", "min"},
		{Text{"minutes too low", "电压超下限时间"}, "NNNNNN", "min"},
		{Text{"highest voltage", "最高电压"}, "XXX.X", "V"},
		{Text{"time of the highest", "最高电压出现时间"}, "MMDDhhmm", ""},
		{Text{"lowest voltage", "最低电压"}, "XXX.X", "V"},
		{Text{"time of the lowest", "最低电压出现时间"}, "MMDDhhmm", ""},
	}

	total  = Text{"total", "总"}
	before = Text{"before", "之前"}
	after  = Text{"after", "之后"}
)

// records2007 holds the records of the 2007 edition: events (A.4) and frozen
// powers (A.6).
var records2007 = []record{
	{0x03010000, single, 0, once, Text{"loss of voltage", "失压"}, phaseTotals},
	{0x03010000, byEvent, 0, once, Text{"loss of voltage record", "失压记录"}, lossRecord},
	{0x03020000, single, 0, once, Text{"under-voltage", "欠压"}, phaseTotals},
	{0x03020000, byEvent, 0, once, Text{"under-voltage record", "欠压记录"}, lossRecord},
	{0x03030000, single, 0, once, Text{"over-voltage", "过压"}, phaseTotals},
	{0x03030000, byEvent, 0, once, Text{"over-voltage record", "过压记录"}, lossRecord},
	{0x03040000, single, 0, once, Text{"phase loss", "断相"}, phaseTotals},
	{0x03040000, byEvent, 0, once, Text{"phase loss record", "断相记录"}, lossRecord},
	{0x03050000, single, 0, once, Text{"total loss of voltage", "全失压"}, totals},
	{0x03050000, byRecord, 0, once, Text{"total loss of voltage record", "全失压记录"}, []field{begin, {Text{"current", "电流"}, "±XXX.XXX", "A"}, end}},
	{0x03060000, single, 0, once, Text{"auxiliary supply lost", "辅助电源失电"}, totals},
	{0x03060000, byRecord, 0, once, Text{"auxiliary supply lost record", "辅助电源失电记录"}, span},
	{0x03070000, single, 0, once, Text{"voltage sequence reversed", "电压逆相序"}, totals},
	{0x03070000, byRecord, 0, once, Text{"voltage sequence reversed record", "电压逆相序记录"}, spanRecord},
	{0x03080000, single, 0, once, Text{"current sequence reversed", "电流逆相序"}, totals},
	{0x03080000, byRecord, 0, once, Text{"current sequence reversed record", "电流逆相序记录"}, spanRecord},
	{0x03090000, single, 0, once, Text{"voltage unbalance", "电压不平衡"}, totals},
	{0x03090000, byRecord, 0, once, Text{"voltage unbalance record", "电压不平衡记录"}, unbalance},
	{0x030A0000, single, 0, once, Text{"current unbalance", "电流不平衡"}, totals},
	{0x030A0000, byRecord, 0, once, Text{"current unbalance record", "电流不平衡记录"}, unbalance},
	{0x030B0000, single, 0, once, Text{"loss of current", "失流"}, phaseTotals},
	{0x030B0000, byEvent, 0, once, Text{"loss of current record", "失流记录"}, currentRecord},
	{0x030C0000, single, 0, once, Text{"over-current", "过流"}, phaseTotals},
	{0x030C0000, byEvent, 0, once, Text{"over-current record", "过流记录"}, currentRecord},
	{0x030D0000, single, 0, once, Text{"broken current", "断流"}, phaseTotals},
	{0x030D0000, byEvent, 0, once, Text{"broken current record", "断流记录"}, currentRecord},
	{0x030E0000, single, 0, once, Text{"reverse power flow", "潮流反向"}, phaseTotals},
	{0x030E0000, byEvent, 0, once, Text{"reverse power flow record", "潮流反向记录"}, spanRecord},
	{0x030F0000, single, 0, once, Text{"overload", "过载"}, phaseTotals},
	{0x030F0000, byEvent, 0, once, Text{"overload record", "过载记录"}, spanRecord},
	{0x03100000, byPast, 0, once, Text{"voltage quality", "电压合格率统计"}, quality},
	{0x03110000, byRecord, 0, once, Text{"power-off record", "掉电记录"}, span},
	// One source has 6 bytes here, another 18: a count for each of the six.
	{0x03120000, single, 0, numbered, Text{"demand limit exceeded", "需量超限"}, []field{{Text{"count", "总次数"}, "NNNNNN", ""}}},
	{0x03120000, byDemand, 0, once, Text{"demand limit exceeded record", "需量超限记录"}, join(span, demands[:2])},
	{0x03300000, byRecord, 0, once, Text{"programming record", "编程记录"}, join(done, times(10, field{Text{"identifier", "数据标识"}, "H8", ""}))},
	{0x03300100, byRecord, 0, once, Text{"meter clear record", "电表清零记录"}, join(done, prefixed(total, registers), phased(registers))},
	// One source lacks the last demand: 194 bytes.
	{0x03300200, byRecord, 194, once, Text{"demand reset record", "需量清零记录"}, join(done, prefixed(total, demands), phased(demands))},
	{0x03300300, byRecord, 0, once, Text{"event clear record", "事件清零记录"}, join(done, []field{{Text{"identifier", "数据标识"}, "H8", ""}})},
	{0x03300400, byRecord, 0, once, Text{"clock set record", "校时记录"}, []field{operator, {Text{"before", "校时前时间"}, "YYMMDDhhmmss", ""}, {Text{"after", "校时后时间"}, "YYMMDDhhmmss", ""}}},
	{0x03300500, byRecord, 0, once, Text{"day-period table programming record", "时段表编程记录"}, join(done, times(16*14, field{Text{"period", "时段"}, "O3", ""}))},
	{0x03300600, byRecord, 0, once, Text{"time-zone table programming record", "时区表编程记录"}, join(done, times(2*14, field{Text{"zone", "时区"}, "O3", ""}))},
	{0x03300700, byRecord, 0, once, Text{"weekend programming record", "周休日编程记录"}, join(done, []field{{Text{"day table before", "编程前日时段表号"}, "NN", ""}})},
	{0x03300800, byRecord, 0, once, Text{"holiday programming record", "节假日编程记录"}, join(done, times(254, field{Text{"holiday", "节假日"}, "O4", ""}))},
	{0x03300900, byRecord, 0, once, Text{"active combination programming record", "有功组合方式编程记录"}, join(done, []field{{Text{"word before", "编程前特征字"}, "B8", ""}})},
	{0x03300A00, byRecord, 0, once, Text{"reactive combination 1 programming record", "无功组合方式1编程记录"}, join(done, []field{{Text{"word before", "编程前特征字"}, "B8", ""}})},
	{0x03300B00, byRecord, 0, once, Text{"reactive combination 2 programming record", "无功组合方式2编程记录"}, join(done, []field{{Text{"word before", "编程前特征字"}, "B8", ""}})},
	{0x03300C00, byRecord, 0, once, Text{"settlement day programming record", "结算日编程记录"}, join(done, times(3, field{Text{"settlement day", "结算日"}, "DDhh", ""}))},
	{0x03300D00, byRecord, 0, once, Text{"meter cover opened record", "开表盖记录"}, coverRecord},
	{0x03300E00, byRecord, 0, once, Text{"terminal cover opened record", "开端钮盖记录"}, coverRecord},
	{0x03350000, byRecord, 0, once, Text{"magnetic field record", "恒定磁场干扰记录"}, join(span, prefixed(before, registers[:2]), prefixed(after, registers[:2]))}, // later

	{0x05001000, byFreeze, 0, once, Text{"freeze", "冻结"}, powers},
}

// powers are the variables that a freeze keeps.
var powers = join(
	[]field{{Text{"total active power", "总有功功率"}, "±XX.XXXX", "kW"}}, phased([]field{{Text{"active power", "有功功率"}, "±XX.XXXX", "kW"}}),
	[]field{{Text{"total reactive power", "总无功功率"}, "±XX.XXXX", "kvar"}}, phased([]field{{Text{"reactive power", "无功功率"}, "±XX.XXXX", "kvar"}}),
)

// join puts lists of fields together. It is not inlined, since the records are
// made of it once.
//
//go:noinline
func join(lists ...[]field) []field { return slices.Concat(lists...) }

// phased gives the fields for phase A, then for B, then for C.
//
//go:noinline
func phased(fields []field) []field {
	var out []field
	for _, p := range []string{"A", "B", "C"} {
		for _, f := range fields {
			f.name = Text{p + "-phase " + f.name.EN, p + "相" + f.name.ZH}
			out = append(out, f)
		}
	}
	return out
}

//go:noinline
func prefixed(t Text, fields []field) []field {
	var out []field
	for _, f := range fields {
		f.name = Text{t.EN + " " + f.name.EN, t.ZH + f.name.ZH}
		out = append(out, f)
	}
	return out
}

// withTimes puts the time of its occurrence after each field.
//
//go:noinline
func withTimes(fields []field) []field {
	var out []field
	for _, f := range fields {
		out = append(out, f, field{Text{f.name.EN + " time", f.name.ZH + "发生时间"}, "YYMMDDhhmm", ""})
	}
	return out
}

// times gives a field n times, numbered.
//
//go:noinline
func times(n int, f field) []field {
	var out []field
	for i := range n {
		t := numberedText(f.name, i+1)
		out = append(out, field{t, f.format, f.unit})
	}
	return out
}

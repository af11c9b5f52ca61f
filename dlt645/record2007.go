package dlt645

import "slices"

// The fields that the records of Appendix A.4 are made of. Increments of
// energy, and what was measured at the moment of the event.
var (
	begin    = field{"begin", "YYMMDDhhmmss", ""}
	end      = field{"end", "YYMMDDhhmmss", ""}
	operator = field{"operator code", "O4", ""}

	span = []field{begin, end}
	done = []field{begin, operator}

	increments = []field{
		{"forward active increment", "XXXXXX.XX", "kWh"},
		{"reverse active increment", "XXXXXX.XX", "kWh"},
		{"combined reactive 1 increment", "±XXXXXX.XX", "kvarh"},
		{"combined reactive 2 increment", "±XXXXXX.XX", "kvarh"},
	}
	momentary = []field{
		{"voltage", "XXX.X", "V"},
		{"current", "±XXX.XXX", "A"},
		{"active power", "±XX.XXXX", "kW"},
		{"reactive power", "±XX.XXXX", "kvar"},
		{"power factor", "±X.XXX", ""},
	}
	ampereHours = []field{{"ampere-hours", "XXXXXX.XX", "Ah"}}

	registers = []field{
		{"forward active energy", "XXXXXX.XX", "kWh"},
		{"reverse active energy", "XXXXXX.XX", "kWh"},
		{"quadrant I reactive energy", "XXXXXX.XX", "kvarh"},
		{"quadrant II reactive energy", "XXXXXX.XX", "kvarh"},
		{"quadrant III reactive energy", "XXXXXX.XX", "kvarh"},
		{"quadrant IV reactive energy", "XXXXXX.XX", "kvarh"},
	}
	demands = withTimes([]field{
		{"forward active maximum demand", "XX.XXXX", "kW"},
		{"reverse active maximum demand", "XX.XXXX", "kW"},
		{"quadrant I maximum demand", "XX.XXXX", "kvar"},
		{"quadrant II maximum demand", "XX.XXXX", "kvar"},
		{"quadrant III maximum demand", "XX.XXXX", "kvar"},
		{"quadrant IV maximum demand", "XX.XXXX", "kvar"},
	})

	totals      = []field{{"count", "NNNNNN", ""}, {"minutes", "NNNNNN", "min"}}
	phaseTotals = phased(totals)

	lossRecord    = join(span, prefixed(total, increments), phased(join(increments, momentary)), prefixed(total, ampereHours), phased(ampereHours))
	currentRecord = join(span, prefixed(total, increments), phased(join(increments, momentary)))
	spanRecord    = join(span, prefixed(total, increments), phased(increments))
	unbalance     = join(span, []field{{"highest unbalance", "XX.XX", "%"}}, prefixed(total, increments), phased(increments))
	coverRecord   = join(span, prefixed(before, registers), prefixed(after, registers))

	quality = []field{
		{"minutes monitored", "NNNNNN", "min"},
		{"within limits", "XXXX.XX", "%"},
		{"beyond limits", "XXXX.XX", "%"},
		{"minutes too high", "NNNNNN", "min"},
		{"minutes too low", "NNNNNN", "min"},
		{"highest voltage", "XXX.X", "V"},
		{"time of the highest", "MMDDhhmm", ""},
		{"lowest voltage", "XXX.X", "V"},
		{"time of the lowest", "MMDDhhmm", ""},
	}

	total  words = "total"
	before words = "before"
	after  words = "after"
)

// records2007 holds the records of the 2007 edition: events (A.4) and frozen
// powers (A.6).
var records2007 = []record{
	{0x03010000, single, 0, once, "loss of voltage", phaseTotals},
	{0x03010000, byEvent, 0, once, "loss of voltage record", lossRecord},
	{0x03020000, single, 0, once, "under-voltage", phaseTotals},
	{0x03020000, byEvent, 0, once, "under-voltage record", lossRecord},
	{0x03030000, single, 0, once, "over-voltage", phaseTotals},
	{0x03030000, byEvent, 0, once, "over-voltage record", lossRecord},
	{0x03040000, single, 0, once, "phase loss", phaseTotals},
	{0x03040000, byEvent, 0, once, "phase loss record", lossRecord},
	{0x03050000, single, 0, once, "total loss of voltage", totals},
	{0x03050000, byRecord, 0, once, "total loss of voltage record", []field{begin, {"current", "±XXX.XXX", "A"}, end}},
	{0x03060000, single, 0, once, "auxiliary supply lost", totals},
	{0x03060000, byRecord, 0, once, "auxiliary supply lost record", span},
	{0x03070000, single, 0, once, "voltage sequence reversed", totals},
	{0x03070000, byRecord, 0, once, "voltage sequence reversed record", spanRecord},
	{0x03080000, single, 0, once, "current sequence reversed", totals},
	{0x03080000, byRecord, 0, once, "current sequence reversed record", spanRecord},
	{0x03090000, single, 0, once, "voltage unbalance", totals},
	{0x03090000, byRecord, 0, once, "voltage unbalance record", unbalance},
	{0x030A0000, single, 0, once, "current unbalance", totals},
	{0x030A0000, byRecord, 0, once, "current unbalance record", unbalance},
	{0x030B0000, single, 0, once, "loss of current", phaseTotals},
	{0x030B0000, byEvent, 0, once, "loss of current record", currentRecord},
	{0x030C0000, single, 0, once, "over-current", phaseTotals},
	{0x030C0000, byEvent, 0, once, "over-current record", currentRecord},
	{0x030D0000, single, 0, once, "broken current", phaseTotals},
	{0x030D0000, byEvent, 0, once, "broken current record", currentRecord},
	{0x030E0000, single, 0, once, "reverse power flow", phaseTotals},
	{0x030E0000, byEvent, 0, once, "reverse power flow record", spanRecord},
	{0x030F0000, single, 0, once, "overload", phaseTotals},
	{0x030F0000, byEvent, 0, once, "overload record", spanRecord},
	{0x03100000, byPast, 0, once, "voltage quality", quality},
	{0x03110000, byRecord, 0, once, "power-off record", span},
	// One source has 6 bytes here, another 18: a count for each of the six.
	{0x03120000, single, 0, numbered, "demand limit exceeded", []field{{"count", "NNNNNN", ""}}},
	{0x03120000, byDemand, 0, once, "demand limit exceeded record", join(span, demands[:2])},
	{0x03300000, byRecord, 0, once, "programming record", join(done, times(10, field{"identifier", "H8", ""}))},
	{0x03300100, byRecord, 0, once, "meter clear record", join(done, prefixed(total, registers), phased(registers))},
	// One source lacks the last demand: 194 bytes.
	{0x03300200, byRecord, 194, once, "demand reset record", join(done, prefixed(total, demands), phased(demands))},
	{0x03300300, byRecord, 0, once, "event clear record", join(done, []field{{"identifier", "H8", ""}})},
	{0x03300400, byRecord, 0, once, "clock set record", []field{operator, {"before~clock", "YYMMDDhhmmss", ""}, {"after~clock", "YYMMDDhhmmss", ""}}},
	{0x03300500, byRecord, 0, once, "day-period table programming record", join(done, times(16*14, field{"period", "O3", ""}))},
	{0x03300600, byRecord, 0, once, "time-zone table programming record", join(done, times(2*14, field{"zone", "O3", ""}))},
	{0x03300700, byRecord, 0, once, "weekend programming record", join(done, []field{{"day table before", "NN", ""}})},
	{0x03300800, byRecord, 0, once, "holiday programming record", join(done, times(254, field{"holiday~record", "O4", ""}))},
	{0x03300900, byRecord, 0, once, "active combination programming record", join(done, []field{{"word before", "B8", ""}})},
	{0x03300A00, byRecord, 0, once, "reactive combination 1 programming record", join(done, []field{{"word before", "B8", ""}})},
	{0x03300B00, byRecord, 0, once, "reactive combination 2 programming record", join(done, []field{{"word before", "B8", ""}})},
	{0x03300C00, byRecord, 0, once, "settlement day programming record", join(done, times(3, field{"settlement day", "DDhh", ""}))},
	{0x03300D00, byRecord, 0, once, "meter cover opened record", coverRecord},
	{0x03300E00, byRecord, 0, once, "terminal cover opened record", coverRecord},
	{0x03350000, byRecord, 0, once, "magnetic field record", join(span, prefixed(before, registers[:2]), prefixed(after, registers[:2]))}, // later

	{0x05001000, byFreeze, 0, once, "freeze", powers},
}

// powers are the variables that a freeze keeps.
var powers = join(
	[]field{{"total active power", "±XX.XXXX", "kW"}}, phased([]field{{"active power", "±XX.XXXX", "kW"}}),
	[]field{{"total reactive power", "±XX.XXXX", "kvar"}}, phased([]field{{"reactive power", "±XX.XXXX", "kvar"}}),
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
	for _, p := range phases {
		for _, f := range fields {
			f.name = p.of(f.name)
			out = append(out, f)
		}
	}
	return out
}

//go:noinline
func prefixed(w words, fields []field) []field {
	var out []field
	for _, f := range fields {
		f.name = w.of(f.name)
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
		out = append(out, f, field{f.name.of("time~occurred"), "YYMMDDhhmm", ""})
	}
	return out
}

// times gives a field n times, numbered.
//
//go:noinline
func times(n int, f field) []field {
	var out []field
	for i := range n {
		out = append(out, field{f.name.numbered(i + 1), f.format, f.unit})
	}
	return out
}

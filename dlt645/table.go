package dlt645

// form is how the bytes of one member are read.
type form uint8

const (
	formNumber  form = iota // BCD, low byte first
	formText                // ASCII, last character first, padded with 00, 20 or FF
	formDigits              // BCD digits that are no quantity
	formBits                // bits
	formDate                // WW DD MM YY
	formClock               // ss mm hh
	formTime                // mm hh DD MM YY
	formTariffs             // numbers of the row's width: the total, then each tariff
	formDemand              // a number of 3 bytes, then mm hh DD MM YY
)

// scheme says which bytes of an identifier vary within a row, and where its
// block (FF) is.
type scheme uint8

const (
	single   scheme = iota
	byTariff        // DI1: 00 total, 01..3F tariff, FF block; DI0: 00 now, 01..0C settlement days back
	byPhase         // DI1: 01..03 phase A..C, FF block
	byTotal         // DI1: 00 total, 01..03 phase A..C, FF block
	byWord          // DI0: 01..07, FF block
	byRecord        // DI0: 01 the last, 02 the one before ..
)

// row describes a family of identifiers. An identifier belongs to the row
// when the bytes that do not vary are equal.
type row struct {
	code   uint32 // first member
	scheme scheme
	form   form
	width  uint8 // bytes of a member; 0: as many as there are
	alt    uint8 // another width that meters send; 0: none
	dec    uint8 // decimal places
	signed bool  // the top bit is the sign (Appendix A; dlt645.md 5.2)
	unit   string
	name   Text
}

// table2007 holds the identifiers of the 2007 edition, Appendix A, in the
// order of their codes. The names of what varies are put in front or behind.
var table2007 = []row{
	// A.1 Energy.
	{0x00000000, byTariff, formNumber, 4, 0, 2, true, "kWh", Text{"combined active energy", "组合有功电能"}},
	{0x00010000, byTariff, formNumber, 4, 0, 2, false, "kWh", Text{"forward active energy", "正向有功电能"}},
	{0x00020000, byTariff, formNumber, 4, 0, 2, false, "kWh", Text{"reverse active energy", "反向有功电能"}},
	{0x00030000, byTariff, formNumber, 4, 0, 2, true, "kvarh", Text{"combined reactive energy 1", "组合无功1电能"}},
	{0x00040000, byTariff, formNumber, 4, 0, 2, true, "kvarh", Text{"combined reactive energy 2", "组合无功2电能"}},
	{0x00050000, byTariff, formNumber, 4, 0, 2, false, "kvarh", Text{"quadrant I reactive energy", "第一象限无功电能"}},
	{0x00060000, byTariff, formNumber, 4, 0, 2, false, "kvarh", Text{"quadrant II reactive energy", "第二象限无功电能"}},
	{0x00070000, byTariff, formNumber, 4, 0, 2, false, "kvarh", Text{"quadrant III reactive energy", "第三象限无功电能"}},
	{0x00080000, byTariff, formNumber, 4, 0, 2, false, "kvarh", Text{"quadrant IV reactive energy", "第四象限无功电能"}},
	{0x00090000, byTariff, formNumber, 4, 0, 2, false, "kVAh", Text{"forward apparent energy", "正向视在电能"}},
	{0x000A0000, byTariff, formNumber, 4, 0, 2, false, "kVAh", Text{"reverse apparent energy", "反向视在电能"}},
	{0x00150000, single, formNumber, 4, 0, 2, false, "kWh", Text{"A-phase forward active energy", "A相正向有功电能"}},
	{0x00160000, single, formNumber, 4, 0, 2, false, "kWh", Text{"A-phase reverse active energy", "A相反向有功电能"}},
	{0x00290000, single, formNumber, 4, 0, 2, false, "kWh", Text{"B-phase forward active energy", "B相正向有功电能"}},
	{0x002A0000, single, formNumber, 4, 0, 2, false, "kWh", Text{"B-phase reverse active energy", "B相反向有功电能"}},
	{0x003D0000, single, formNumber, 4, 0, 2, false, "kWh", Text{"C-phase forward active energy", "C相正向有功电能"}},
	{0x003E0000, single, formNumber, 4, 0, 2, false, "kWh", Text{"C-phase reverse active energy", "C相反向有功电能"}},
	{0x00900100, single, formNumber, 4, 0, 2, false, "kWh", Text{"energy left", "剩余电量"}},
	{0x00900101, single, formNumber, 4, 0, 2, false, "kWh", Text{"energy overdrawn", "透支电量"}},
	{0x00900200, single, formNumber, 4, 0, 2, false, "yuan", Text{"money left", "剩余金额"}},
	{0x00900201, single, formNumber, 4, 0, 2, false, "yuan", Text{"money overdrawn", "透支金额"}},

	// A.2 Maximum demand and the time of its occurrence.
	{0x01010000, byTariff, formDemand, 8, 0, 4, false, "kW", Text{"forward active maximum demand", "正向有功最大需量"}},
	{0x01020000, byTariff, formDemand, 8, 0, 4, false, "kW", Text{"reverse active maximum demand", "反向有功最大需量"}},

	// A.3 Variables.
	{0x02010000, byPhase, formNumber, 2, 0, 1, false, "V", Text{"voltage", "电压"}},
	{0x02020000, byPhase, formNumber, 3, 4, 3, true, "A", Text{"current", "电流"}},
	{0x02030000, byTotal, formNumber, 3, 4, 4, true, "kW", Text{"active power", "有功功率"}},
	{0x02040000, byTotal, formNumber, 3, 4, 4, true, "kvar", Text{"reactive power", "无功功率"}},
	{0x02050000, byTotal, formNumber, 3, 4, 4, true, "kVA", Text{"apparent power", "视在功率"}},
	{0x02060000, byTotal, formNumber, 2, 0, 3, true, "", Text{"power factor", "功率因数"}},
	{0x02070000, byPhase, formNumber, 2, 0, 1, false, "deg", Text{"phase angle", "相角"}},
	{0x02080000, byPhase, formNumber, 2, 0, 2, false, "%", Text{"voltage distortion", "电压波形失真度"}},
	{0x02090000, byPhase, formNumber, 2, 0, 2, false, "%", Text{"current distortion", "电流波形失真度"}},
	{0x02800001, single, formNumber, 3, 2, 3, true, "A", Text{"neutral current", "零线电流"}},
	{0x02800002, single, formNumber, 2, 0, 2, false, "Hz", Text{"frequency", "电网频率"}},
	{0x02800003, single, formNumber, 3, 0, 4, true, "kW", Text{"one-minute average active power", "一分钟有功总平均功率"}},
	{0x02800004, single, formNumber, 3, 0, 4, true, "kW", Text{"present active demand", "当前有功需量"}},
	{0x02800005, single, formNumber, 3, 0, 4, true, "kvar", Text{"present reactive demand", "当前无功需量"}},
	{0x02800006, single, formNumber, 3, 0, 4, true, "kVA", Text{"present apparent demand", "当前视在需量"}},
	{0x02800007, single, formNumber, 2, 0, 1, true, "degC", Text{"temperature in the meter", "表内温度"}},
	{0x02800008, single, formNumber, 2, 0, 2, false, "V", Text{"clock battery voltage", "时钟电池电压"}},
	{0x02800009, single, formNumber, 2, 0, 2, false, "V", Text{"reading battery voltage", "停电抄表电池电压"}},
	{0x0280000A, single, formNumber, 4, 0, 0, false, "min", Text{"internal battery working time", "内部电池工作时间"}},

	// A.4 Event counts.
	{0x03110000, single, formNumber, 3, 0, 0, false, "", Text{"power-off count", "掉电总次数"}},
	{0x03300000, single, formNumber, 3, 0, 0, false, "", Text{"programming count", "编程总次数"}},
	{0x03300100, single, formNumber, 3, 0, 0, false, "", Text{"meter clear count", "电表清零总次数"}},
	{0x03300200, single, formNumber, 3, 0, 0, false, "", Text{"demand reset count", "需量清零总次数"}},
	{0x03300300, single, formNumber, 3, 0, 0, false, "", Text{"event clear count", "事件清零总次数"}},
	{0x03300400, single, formNumber, 3, 0, 0, false, "", Text{"clock set count", "校时总次数"}},
	{0x03300D00, single, formNumber, 3, 0, 0, false, "", Text{"meter cover opened count", "开表盖总次数"}},
	{0x03300E00, single, formNumber, 3, 0, 0, false, "", Text{"terminal cover opened count", "开端钮盖总次数"}},

	// A.5 Parameters.
	{0x04000101, single, formDate, 4, 0, 0, false, "", Text{"date and weekday", "日期及星期"}},
	{0x04000102, single, formClock, 3, 0, 0, false, "", Text{"time", "时间"}},
	{0x04000103, single, formNumber, 1, 0, 0, false, "min", Text{"maximum demand period", "最大需量周期"}},
	{0x04000104, single, formNumber, 1, 0, 0, false, "min", Text{"sliding time", "滑差时间"}},
	{0x04000204, single, formNumber, 1, 0, 0, false, "", Text{"number of tariffs", "费率数"}},
	{0x04000401, single, formDigits, 6, 0, 0, false, "", Text{"communication address", "通信地址"}},
	{0x04000402, single, formDigits, 6, 0, 0, false, "", Text{"meter number", "表号"}},
	{0x04000403, single, formText, 32, 0, 0, false, "", Text{"asset code", "资产管理编码"}},
	{0x04000404, single, formText, 6, 0, 0, false, "", Text{"rated voltage", "额定电压"}},
	{0x04000405, single, formText, 6, 0, 0, false, "", Text{"rated current", "额定电流"}},
	{0x04000406, single, formText, 6, 0, 0, false, "", Text{"maximum current", "最大电流"}},
	{0x04000407, single, formText, 4, 0, 0, false, "", Text{"active accuracy class", "有功准确度等级"}},
	{0x04000408, single, formText, 4, 0, 0, false, "", Text{"reactive accuracy class", "无功准确度等级"}},
	{0x04000409, single, formNumber, 3, 0, 0, false, "imp/kWh", Text{"active meter constant", "有功常数"}},
	{0x0400040A, single, formNumber, 3, 0, 0, false, "imp/kvarh", Text{"reactive meter constant", "无功常数"}},
	{0x0400040B, single, formText, 10, 0, 0, false, "", Text{"meter model", "电表型号"}},
	{0x0400040C, single, formText, 10, 0, 0, false, "", Text{"production date", "生产日期"}},
	{0x0400040D, single, formText, 16, 0, 0, false, "", Text{"protocol version", "协议版本号"}},
	{0x04000500, byWord, formBits, 2, 0, 0, false, "", Text{"status word", "运行状态字"}},
	{0x04800001, single, formText, 0, 0, 0, false, "", Text{"software version", "软件版本号"}},
	{0x04800002, single, formText, 0, 0, 0, false, "", Text{"hardware version", "硬件版本号"}},
	{0x04800003, single, formText, 0, 0, 0, false, "", Text{"vendor code", "厂家编号"}},

	// A.6 Freeze.
	{0x05060000, byRecord, formTime, 5, 0, 0, false, "", Text{"daily freeze time", "日冻结时间"}},
	{0x05060100, byRecord, formTariffs, 4, 0, 2, false, "kWh", Text{"daily freeze forward active energy", "日冻结正向有功电能"}},
	{0x05060200, byRecord, formTariffs, 4, 0, 2, false, "kWh", Text{"daily freeze reverse active energy", "日冻结反向有功电能"}},

	// Later additions: events of State Grid meters.
	{0x1D000001, single, formNumber, 3, 0, 0, false, "", Text{"trip count", "跳闸次数"}},
	{0x1E000001, single, formNumber, 3, 0, 0, false, "", Text{"close count", "合闸次数"}},
}

// lookup finds the row that an identifier belongs to.
func lookup(di DI) (*row, bool) {
	if di.Protocol != V2007 {
		return nil, false
	}
	for i := range table2007 {
		if r := &table2007[i]; r.holds(di) {
			return r, true
		}
	}
	return nil, false
}

// holds reports whether di is a member of the row or its block.
func (r *row) holds(di DI) bool {
	d1, d0 := di.byteAt(1), di.byteAt(0)
	switch r.scheme {
	case byTariff:
		return di.Code&^0xFFFF == r.code && (d1 <= 0x3F || d1 == block) && d0 <= 0x0C
	case byPhase:
		return di.Code&^0xFF00 == r.code && (1 <= d1 && d1 <= 3 || d1 == block)
	case byTotal:
		return di.Code&^0xFF00 == r.code && (d1 <= 3 || d1 == block)
	case byWord:
		return di.Code&^0xFF == r.code && (1 <= d0 && d0 <= 7 || d0 == block)
	case byRecord:
		return di.Code&^0xFF == r.code && 1 <= d0 && d0 < block
	}
	return di.Code == r.code
}

// block in the byte that varies asks for all members at once.
const block = 0xFF

// varying gives the byte of the identifier that a block replaces and the
// first and last member there; false if the row has no block.
func (r *row) varying() (at int, first, last byte, ok bool) {
	switch r.scheme {
	case byTariff:
		return 1, 0, 0x3F, true
	case byPhase:
		return 1, 1, 3, true
	case byTotal:
		return 1, 0, 3, true
	case byWord:
		return 0, 1, 7, true
	}
	return 0, 0, 0, false
}

// Block gives the identifier that asks for all members of di's family in one
// answer; false if there is none.
func Block(di DI) (DI, bool) {
	r, ok := lookup(di)
	if !ok {
		return DI{}, false
	}
	at, _, _, ok := r.varying()
	if !ok {
		return DI{}, false
	}
	return di.with(at, block), true
}

// IsBlock reports whether di asks for all members of its family.
func IsBlock(di DI) bool {
	b, ok := Block(di)
	return ok && b == di
}

// AnswerWidth gives the bytes that the answer for di usually holds behind
// the identifier, 0 if the table does not tell. Blocks over tariffs count
// the total and four tariffs.
func AnswerWidth(di DI) int {
	r, ok := lookup(di)
	if !ok {
		return 0
	}
	w := int(r.width)
	at, first, last, family := r.varying()
	switch {
	case r.form == formTariffs, family && r.scheme == byTariff && di.byteAt(at) == block:
		return w * (1 + usualTariffs)
	case family && di.byteAt(at) == block:
		return w * int(last-first+1)
	}
	return w
}

// usualTariffs is how many tariffs meters commonly have.
const usualTariffs = 4

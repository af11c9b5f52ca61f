package dlt645

// Field is a part of a frame's data.
type Field uint8

// The fields that the functions of both editions are made of.
const (
	FieldDI          Field = iota // data identifier, low byte first
	FieldSEQ                      // number of a follow-up frame, 1 to 255
	FieldCount                    // number of load records
	FieldMoment                   // mm hh DD MM YY: from when load records are wanted
	FieldTime                     // ss mm hh DD MM YY: the time that is set
	FieldFreezeTime               // mm hh DD MM, 99 where any will do
	FieldPassword                 // PA P0 P1 P2
	FieldNewPassword              // PA P0 P1 P2
	FieldOperator                 // C0 C1 C2 C3
	FieldAddress                  // A0 .. A5, low byte first
	FieldBaud                     // the characteristic word Z
	FieldCommand                  // N1 N2
	FieldDeadline                 // ss mm hh DD MM YY: until when a command holds
	FieldOutput                   // what the multi-function terminal puts out
	FieldERR                      // ERR or SERR
	FieldValue                    // all the rest
)

// fieldLen is the length of a field; 0 is all the rest.
var fieldLen = [...]int{
	FieldDI: 4, FieldSEQ: 1, FieldCount: 1, FieldMoment: 5, FieldTime: 6, FieldFreezeTime: 4, FieldPassword: 4, FieldNewPassword: 4,
	FieldOperator: 4, FieldAddress: 6, FieldBaud: 1, FieldCommand: 2, FieldDeadline: 6, FieldOutput: 1, FieldERR: 0, FieldValue: 0,
}

// Text names a field in both languages.
func (f Field) Text() Text { return fieldNames[f].text() }

var fieldNames = [...]words{
	FieldDI:          "data identifier",
	FieldSEQ:         "sequence number",
	FieldCount:       "number of records",
	FieldMoment:      "from",
	FieldTime:        "time",
	FieldFreezeTime:  "freeze at",
	FieldPassword:    "password PA P0 P1 P2",
	FieldNewPassword: "new password PA P0 P1 P2",
	FieldOperator:    "operator code",
	FieldAddress:     "address",
	FieldBaud:        "baud word",
	FieldCommand:     "command",
	FieldDeadline:    "deadline",
	FieldOutput:      "output",
	FieldERR:         "error",
	FieldValue:       "data",
}

// layout is how the data of one function are divided. Those of several
// lengths have a row for each; the first that fits is taken.
type layout struct {
	function Function
	answer   bool
	fields   []Field
}

// layouts2007 are those of clause 7 of the 2007 edition. 1CH has longer data
// when they are enciphered (PA 96H, 98H).
var layouts2007 = []layout{
	{FuncAuthenticate, false, []Field{FieldDI, FieldOperator, FieldValue}},
	{FuncAuthenticate, true, []Field{FieldDI, FieldValue}},
	{FuncBroadcastTime, false, []Field{FieldTime}},
	{FuncRead, false, []Field{FieldDI}},
	{FuncRead, false, []Field{FieldDI, FieldCount}},
	{FuncRead, false, []Field{FieldDI, FieldCount, FieldMoment}},
	{FuncRead, false, []Field{FieldDI, FieldValue}},
	{FuncRead, true, []Field{FieldDI, FieldValue}},
	{FuncReadMore, false, []Field{FieldDI, FieldSEQ}},
	{FuncReadMore, false, []Field{FieldDI, FieldCount, FieldSEQ}},
	{FuncReadMore, false, []Field{FieldDI, FieldCount, FieldMoment, FieldSEQ}},
	{FuncReadMore, true, []Field{FieldDI, FieldValue, FieldSEQ}},
	{FuncReadAddress, false, nil},
	{FuncReadAddress, true, []Field{FieldAddress}},
	{FuncWrite, false, []Field{FieldDI, FieldPassword, FieldOperator, FieldValue}},
	{FuncWrite, true, nil},
	{FuncWriteAddress, false, []Field{FieldAddress}},
	{FuncWriteAddress, true, nil},
	{FuncFreeze, false, []Field{FieldFreezeTime}},
	{FuncFreeze, true, nil},
	{FuncBaud, false, []Field{FieldBaud}},
	{FuncBaud, true, []Field{FieldBaud}},
	{FuncPassword, false, []Field{FieldDI, FieldPassword, FieldNewPassword}},
	{FuncPassword, true, []Field{FieldNewPassword}},
	{FuncDemandReset, false, []Field{FieldPassword, FieldOperator}},
	{FuncDemandReset, true, nil},
	{FuncMeterClear, false, []Field{FieldPassword, FieldOperator}},
	{FuncMeterClear, true, nil},
	{FuncEventClear, false, []Field{FieldPassword, FieldOperator, FieldDI}},
	{FuncEventClear, true, nil},
	{FuncControl, false, []Field{FieldPassword, FieldOperator, FieldCommand, FieldDeadline}},
	{FuncControl, false, []Field{FieldPassword, FieldOperator, FieldValue}},
	{FuncControl, true, nil},
	{FuncControl, true, []Field{FieldValue}},
	{FuncOutput, false, []Field{FieldOutput}},
	{FuncOutput, true, []Field{FieldOutput}},
}

// layouts1997 are those of the 1997 edition. All but 01H and 08H are weakly
// attested: the function codes are, the order of the data follows the errors
// that meters gave (04H) and common use.
var layouts1997 = []layout{
	{Func97Read, false, []Field{FieldDI}},
	{Func97Read, true, []Field{FieldDI, FieldValue}},
	{Func97ReadMore, false, []Field{FieldDI}},
	{Func97ReadMore, true, []Field{FieldDI, FieldValue}},
	{Func97Reread, false, nil},
	{Func97Reread, true, []Field{FieldDI, FieldValue}},
	{Func97Write, false, []Field{FieldDI, FieldPassword, FieldValue}},
	{Func97Write, true, nil},
	{FuncBroadcastTime, false, []Field{FieldTime}},
	{Func97WriteAddress, false, []Field{FieldAddress}},
	{Func97WriteAddress, true, nil},
	{Func97Baud, false, []Field{FieldBaud}},
	{Func97Baud, true, []Field{FieldBaud}},
	{Func97Password, false, []Field{FieldPassword, FieldNewPassword}},
	{Func97Password, true, []Field{FieldNewPassword}},
	{Func97DemandReset, false, []Field{FieldPassword}},
	{Func97DemandReset, true, nil},
}

var refusalLayout = []Field{FieldERR}

// len gives the length of a field in that edition, 0 for all the rest.
func (f Field) len(p Protocol) int {
	if f == FieldDI {
		return DI{Protocol: p}.Len()
	}
	return fieldLen[f]
}

// fields gives how the frame's data are divided, false if no layout of its
// function fits their length.
func (f *Frame) fields() ([]Field, bool) {
	if f.Control.Refusal() {
		return refusalLayout, true
	}
	p := f.Protocol()
	table := layouts2007
	if p == V1997 {
		table = layouts1997
	}
	for i := range table {
		l := &table[i]
		if l.function != f.Control.Function() || l.answer != f.Control.Response() {
			continue
		}
		if fits(l.fields, p, len(f.Data)) {
			return l.fields, true
		}
	}
	return nil, false
}

func fits(fields []Field, p Protocol, n int) bool {
	least, open := 0, false
	for _, f := range fields {
		w := f.len(p)
		least += w
		open = open || w == 0
	}
	return n == least || open && n >= least
}

// Part is a field of a frame's data, where it stands and what it holds.
type Part struct {
	Field Field
	Start int // in the data
	Data  []byte
}

// Parts appends the fields of the frame's data in their order; nothing and
// false if no layout of its function fits their length. The data are the
// frame's own.
func (f *Frame) Parts(dst []Part) ([]Part, bool) {
	fields, ok := f.fields()
	if !ok {
		return dst, false
	}
	p := f.Protocol()
	at, rest := 0, len(f.Data)
	for _, fd := range fields {
		rest -= fd.len(p)
	}
	for _, fd := range fields {
		w := fd.len(p)
		if w == 0 {
			w = rest
		}
		if w > 0 {
			dst = append(dst, Part{fd, at, f.Data[at : at+w]})
		}
		at += w
	}
	return dst, true
}

// Field gives one field of the frame's data, false if it has none.
func (f *Frame) Field(want Field) ([]byte, bool) {
	var parts [6]Part
	all, _ := f.Parts(parts[:0])
	for _, p := range all {
		if p.Field == want {
			return p.Data, true
		}
	}
	return nil, false
}

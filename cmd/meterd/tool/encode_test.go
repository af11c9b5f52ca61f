package tool

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const meter1 = "202411200101"

// onTheWire puts a request together by the frame's drawing in the standard:
// 68, address low byte first, 68, control, length, data + 33H, sum, 16. It
// shares nothing with the codec. The data are in the order of the wire.
func onTheWire(t *testing.T, preamble int, address, control, data string) string {
	t.Helper()
	raw := func(s string) []byte {
		b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	a, body := raw(address), raw(data)
	slices.Reverse(a)
	for i := range body {
		body[i] += 0x33
	}
	f := slices.Concat([]byte{0x68}, a, []byte{0x68}, raw(control), []byte{byte(len(body))}, body)
	sum := byte(0)
	for _, b := range f {
		sum += b
	}
	return fmt.Sprintf("%s%X%02X16\n", strings.Repeat("FE", preamble), f, sum)
}

// words are a command line: those in quotes are one.
func words(line string) []string {
	var all []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			all = append(all, part)
			continue
		}
		all = append(all, strings.Fields(part)...)
	}
	return all
}

const (
	all2007       = "AAAAAAAAAAAA"
	broadcastTo   = "999999999999"
	withPassword  = "-password 02123456 "
	withOperator  = withPassword + "-operator 11223344 "
	edition1997   = "-protocol 1997 "
	passwordBytes = "02123456"
	noOperator    = "00000000"
)

func TestEncodeBuildsEachRequest(t *testing.T) {
	for _, tt := range []struct {
		line              string
		to, control, data string
	}{
		{"read " + meter1 + " 02010100", meter1, "11", "00010102"},
		{"read " + meter1 + " 06010000 1", meter1, "11", "00000106 01"},
		{"read " + meter1 + " 06010001 1 '2024-01-01 00:00'", meter1, "11", "01000106 01 00 00 01 01 24"},
		{edition1997 + "read " + meter1 + " 9010", meter1, "01", "1090"},
		{"more " + meter1 + " 00010000", meter1, "12", "00000100 01"},
		{"more " + meter1 + " 00010000 255", meter1, "12", "00000100 FF"},
		{edition1997 + "more " + meter1 + " 9010", meter1, "02", "1090"},
		{edition1997 + "reread " + meter1, meter1, "03", ""},
		{"address", all2007, "13", ""},
		{"time '2026-11-20 10:15:30'", broadcastTo, "08", "30 15 10 20 11 26"},
		{"time 2026-11-20T10:15:30+08:00", broadcastTo, "08", "30 15 10 20 11 26"},
		{withOperator + "write " + meter1 + " 04000103 15", meter1, "14", "03010004" + passwordBytes + "11223344" + "15"},
		{withPassword + "write " + meter1 + " 04FFFF01 AB CD", meter1, "14", "01FFFF04" + passwordBytes + noOperator + "ABCD"},
		{"set-address 202411200102", all2007, "15", "020120112420"},
		{edition1997 + "set-address 202411200102", all2007, "0A", "020120112420"},
		{"authenticate " + meter1 + " 078000FF 0102", meter1, "03", "FF008007" + noOperator + "0102"},
		{"freeze " + meter1 + " now", meter1, "16", "99 99 99 99"},
		{"freeze " + meter1 + " hourly 30", meter1, "16", "30 99 99 99"},
		{"freeze " + meter1 + " daily 23:30", meter1, "16", "30 23 99 99"},
		{"freeze " + meter1 + " monthly 01 23:30", meter1, "16", "30 23 01 99"},
		{"baud " + meter1 + " 600", meter1, "17", "02"},
		{"baud " + meter1 + " 19200", meter1, "17", "40"},
		{withPassword + "set-password " + meter1 + " 04000C03 02654321", meter1, "18", "030C0004" + passwordBytes + "02654321"},
		{edition1997 + withPassword + "set-password " + meter1 + " 02654321", meter1, "0F", passwordBytes + "02654321"},
		{withPassword + "demand-reset " + meter1, meter1, "19", passwordBytes + noOperator},
		{edition1997 + withPassword + "demand-reset " + meter1, meter1, "10", passwordBytes},
		{withOperator + "meter-clear " + meter1, meter1, "1A", passwordBytes + "11223344"},
		{withPassword + "event-clear " + meter1 + " all", meter1, "1B", passwordBytes + noOperator + "FFFFFFFF"},
		{withPassword + "event-clear " + meter1 + " 03300100", meter1, "1B", passwordBytes + noOperator + "00013003"},
		{withPassword + "control " + meter1 + " trip '2026-11-20 10:15:00'", meter1, "1C", passwordBytes + noOperator + "1A 00 00 15 10 20 11 26"},
		{withPassword + "control " + meter1 + " permit '2026-11-20 10:15:00'", meter1, "1C", passwordBytes + noOperator + "1B 00 00 15 10 20 11 26"},
		{withPassword + "control " + meter1 + " 1D:05 '2026-11-20 10:15:00'", meter1, "1C", passwordBytes + noOperator + "1D 05 00 15 10 20 11 26"},
		{"output " + meter1 + " clock", meter1, "1D", "00"},
		{"output " + meter1 + " demand", meter1, "1D", "01"},
		{"output " + meter1 + " tariff", meter1, "1D", "02"},
	} {
		t.Run(tt.line, func(t *testing.T) {
			run(Encode, "", words(tt.line)...).want(t, 0, onTheWire(t, 0, tt.to, tt.control, tt.data), "")
			run(Encode, "", words("-preamble 4 "+tt.line)...).want(t, 0, onTheWire(t, 4, tt.to, tt.control, tt.data), "")
		})
	}
}

// TestEncodeSaysWhatIsWrong: the command line is wrong each time, nothing is
// printed that could be sent, and the reason is told.
func TestEncodeSaysWhatIsWrong(t *testing.T) {
	short := `dlt645: address "1" has 1 characters, want 12 digits`
	noPassword := "this request carries a password: give it as -password"
	for _, tt := range []struct{ line, want string }{
		{"", "0 arguments are not what it takes"},
		{"trip", `"trip" is no request: want one of address, authenticate, baud, `},
		{"-protocol 2020 address", "-protocol is 2007 or 1997, -preamble 0 to 64"},
		{"-preamble 65 address", "-protocol is 2007 or 1997, -preamble 0 to 64"},
		{"-preamble -1 address", "-protocol is 2007 or 1997, -preamble 0 to 64"},
		{"address x", "want address\n"},
		{edition1997 + "address", "address is a function of 2007 alone"},
		{"reread " + meter1, "reread is a function of 1997 alone"},
		{"read 1 02010100", short},
		{"read " + meter1 + " 9010", "data identifier 9010 is one of 1997, want one of 2007"},
		{"read " + meter1 + " 02010100 1", `count "1": load records (06xxxxxx of 2007) are counted, 1 to 255`},
		{"read " + meter1 + " 06010000 0", `count "0": load records`},
		{"read " + meter1 + " 06010000 256", `count "256": load records`},
		{"read " + meter1 + " 06010001 1", "load records from a given time, DI0 = 01, take that time, and no others do"},
		{"read " + meter1 + " 06010000 1 '2024-01-01 00:00'", "take that time, and no others do"},
		{"read " + meter1 + " 06010001 1 yesterday", `time "yesterday": write it like "2026-11-20 10:15:00"`},
		{"more " + meter1 + " zz", `data identifier "zz" is neither`},
		{"more " + meter1 + " 00010000 0", `sequence number "0": want 1 to 255`},
		{edition1997 + "more " + meter1 + " 9010 2", "the edition of 1997 has no sequence number"},
		{edition1997 + "reread 1", short},
		{"time 1999-12-31T00:00:00", "a frame tells the years 2000 to 2099"},
		{"time noon", `write it like "2026-11-20 10:15:00"`},
		{"write " + meter1 + " 04000103 15", noPassword},
		{"-password 0212 write " + meter1 + " 04000103 15", `password "0212" is not 8 hexadecimal digits`},
		{withPassword + "-operator z write " + meter1 + " 04000103 15", `operator "z" is not 8 hexadecimal digits`},
		{withPassword + "write 1 04000103 15", short},
		{withPassword + "write " + meter1 + " 04000103 1.5", "no number with 0 decimals"},
		{withPassword + "write " + meter1 + " 04FFFF01 xx", "04FFFF01 is not in the table: write its bytes in hexadecimal"},
		{"set-address 1", short},
		{"set-address " + broadcastTo, "999999999999 is no meter's address"},
		{"authenticate 1 078000FF 00", short},
		{"-operator 1 authenticate " + meter1 + " 078000FF 00", `operator "1" is not`},
		{"authenticate " + meter1 + " 078000FF zz", "invalid byte"},
		{"freeze 1 now", short},
		{"freeze " + meter1 + " weekly 1", "want freeze ADDRESS now|hourly MM|daily HH:MM|monthly DD HH:MM"},
		{"freeze " + meter1 + " daily 25:00", "want freeze ADDRESS now|"},
		{"freeze " + meter1 + " now 12", "want freeze ADDRESS now|"},
		{"baud 1 9600", short},
		{"baud " + meter1 + " fast", `"fast" is no rate`},
		{"baud " + meter1 + " 1234", "there is no word for 1234 baud"},
		{"set-password 1 04000C03 02654321", short},
		{"set-password " + meter1 + " 04000C03 02654321", noPassword},
		{withPassword + "set-password " + meter1 + " 02654321", "want set-password ADDRESS DI NEW"},
		{withPassword + "set-password " + meter1 + " 9010 02654321", "data identifier 9010 is one of 1997"},
		{withPassword + "set-password " + meter1 + " 04000C03 xyz", `new password "xyz" is not 8 hexadecimal digits`},
		{edition1997 + withPassword + "set-password " + meter1 + " 9010 02654321", "1997 has no identifier here"},
		{"demand-reset " + meter1, noPassword},
		{withPassword + "meter-clear 1", short},
		{edition1997 + withPassword + "meter-clear " + meter1, "meter-clear is a function of 2007 alone"},
		{withPassword + "event-clear " + meter1 + " x", `data identifier "x" is neither`},
		{withPassword + "control " + meter1 + " explode '2026-11-20 10:15:00'", `command "explode": want one of trip, permit, close, `},
		{withPassword + "control " + meter1 + " 1A:zz '2026-11-20 10:15:00'", `command "1A:zz": want one of`},
		{withPassword + "control " + meter1 + " trip soon", `time "soon": write it like`},
		{"output 1 clock", short},
		{"output " + meter1 + " light", "want output ADDRESS clock|demand|tariff"},
	} {
		t.Run(tt.line, func(t *testing.T) { run(Encode, "", words(tt.line)...).want(t, 2, "", tt.want) })
	}
}

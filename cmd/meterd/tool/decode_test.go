package tool

import (
	"strings"
	"testing"
)

// Frames of the meter 202411200101.
const (
	voltageAnswer  = "FEFEFEFE680101201124206891063334343534553716"
	voltageRequest = "68010120112420681104333434352C16"
	refusal        = "6801012011242068D101354E16"
	statusWord3    = "680101201124206891063638333783336C16"
)

func TestDecodeTellsPeopleEachByte(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"an answer with its value", []string{voltageAnswer}, `
1: DL/T 645-2007 answer from 202411200101 (read)
   0-3      FE FE FE FE              preamble
   4        68                       start
   5-10     01 01 20 11 24 20        address 202411200101
   11       68                       start
   12       91                       control 91
   13       06                       length 6
   14-17    33 34 34 35              data identifier 02010100 A-phase voltage
   18-19    34 55                    data 0122
   20       37                       checksum
   21       16                       end
   A-phase voltage = 220.1 V
`},
		{"a request in Chinese", []string{"-language", "zh", voltageRequest}, `
1: DL/T 645-2007 请求，发往 202411200101 (read)
   0        68                       帧起始符
   1-6      01 01 20 11 24 20        地址 202411200101
   7        68                       帧起始符
   8        11                       控制码 11
   9        04                       长度 4
   10-13    33 34 34 35              数据标识 02010100 A相电压
   14       2C                       校验码
   15       16                       结束符
`},
		{"a refusal in Chinese", []string{"-language", "zh", refusal}, `
1: DL/T 645-2007 应答，来自 202411200101 (read)
   0        68                       帧起始符
   1-6      01 01 20 11 24 20        地址 202411200101
   7        68                       帧起始符
   8        D1                       控制码 D1，异常应答
   9        01                       长度 1
   10       35                       错误信息字 02
   11       4E                       校验码
   12       16                       结束符
   拒绝: 无请求数据 (02)
`},
		{"a bit word with the bits that are set", []string{statusWord3}, `
1: DL/T 645-2007 answer from 202411200101 (read)
   0        68                       start
   1-6      01 01 20 11 24 20        address 202411200101
   7        68                       start
   8        91                       control 91
   9        06                       length 6
   10-13    36 38 33 37              data identifier 04000503 status word 3
   14-15    83 33                    data 5000
   16       6C                       checksum
   17       16                       end
   status word 3 = 0050 (main supply, relay open, relay commanded open, not prepaid)
`},
		{"two frames with noise between them", []string{voltageRequest + "FDBBDD" + refusal}, `
1: DL/T 645-2007 request to 202411200101 (read)
   0        68                       start
   1-6      01 01 20 11 24 20        address 202411200101
   7        68                       start
   8        11                       control 11
   9        04                       length 4
   10-13    33 34 34 35              data identifier 02010100 A-phase voltage
   14       2C                       checksum
   15       16                       end
1: 3 bytes that are no frame: FD BB DD
1: DL/T 645-2007 answer from 202411200101 (read)
   0        68                       start
   1-6      01 01 20 11 24 20        address 202411200101
   7        68                       start
   8        D1                       control D1, refused
   9        01                       length 1
   10       35                       error 02
   11       4E                       checksum
   12       16                       end
   refused: no requested data (02)
`},
	} {
		t.Run(tt.name, func(t *testing.T) { run(Decode, "", tt.args...).want(t, 0, tt.want[1:], "") })
	}
}

func TestDecodeJoinsFollowUpFramesOfAMeter(t *testing.T) {
	const (
		first  = "6801012011242068B1063332343534353516" // 0201FF00, more follow
		second = "680101201124206892073332343534353A5116"
	)
	r := run(Decode, "", first, second)
	if r.status != 0 || !strings.Contains(r.out, "control B1, more data follow") {
		t.Errorf("got exit status %d and\n%s", r.status, r.out)
	}
	if want := "note: follow-up frame out of sequence: number 7 of 0201FF00, want 1"; !strings.Contains(r.out, want) {
		t.Errorf("got\n%s\nwant the note %q", r.out, want)
	}
	r = run(Decode, "", "-json", second)
	o := objects(t, r.out)[0]
	if o["seq"] != 7.0 || len(o["values"].([]any)) != 0 {
		t.Errorf("a follow-up frame whose first was not seen: got seq %v and values %v, want 7 and none", o["seq"], o["values"])
	}
}

func TestDecodeTellsScriptsOneObjectForEachFrame(t *testing.T) {
	for _, tt := range []struct {
		name   string
		in     string
		args   []string
		status int
		want   string
		told   string
	}{
		{"an answer", "", []string{"-json", voltageAnswer}, 0,
			`{"line":1,"ok":true,"preamble":4,"protocol":"2007","direction":"response","address":"202411200101","control":"91","function":"read","error":null,"more":false,"seq":null,"di":"02010100","data":"0122","values":[{"point":"voltage.a","name":"A-phase voltage","value":"220.1","unit":"V"}]}` + "\n", ""},
		{"a refusal, in English whatever the language", "", []string{"-json", "-language", "zh", refusal}, 0,
			`{"line":1,"ok":true,"preamble":0,"protocol":"2007","direction":"response","address":"202411200101","control":"D1","function":"read","error":{"code":"02","text":"no requested data"},"more":false,"seq":null,"di":null,"data":"02","values":[]}` + "\n", ""},
		{"the bits and the parts where they are asked for", "", []string{"-json", "-fields", statusWord3}, 0,
			`{"line":1,"ok":true,"preamble":0,"protocol":"2007","direction":"response","address":"202411200101","control":"91","function":"read","error":null,"more":false,"seq":null,"di":"04000503","data":"5000","values":[{"point":"status.3","name":"status word 3","value":"0050","unit":"","bits":["main supply","relay open","relay commanded open","not prepaid"]}],"fields":[{"name":"data identifier","data":"03050004","text":"04000503 status word 3"},{"name":"data","data":"5000"}]}` + "\n", ""},
		{"lines of standard input keep their numbers", "# a capture\n\n" + strings.ToLower(refusal) + "\nzz\n", []string{"-json"}, 1,
			`{"line":3,"ok":true,"preamble":0,"protocol":"2007","direction":"response","address":"202411200101","control":"D1","function":"read","error":{"code":"02","text":"no requested data"},"more":false,"seq":null,"di":null,"data":"02","values":[]}` + "\n" +
				`{"line":4,"ok":false,"error":"not hexadecimal: invalid byte: U+007A 'z'"}` + "\n", "error: 1 inputs hold no valid frame\n"},
	} {
		t.Run(tt.name, func(t *testing.T) { run(Decode, tt.in, tt.args...).want(t, tt.status, tt.want, tt.told) })
	}
}

func TestDecodeTellsWhatIsNoFrame(t *testing.T) {
	for _, tt := range []struct {
		name   string
		in     string
		args   []string
		status int
		out    string
		told   string
	}{
		{"half a byte", "", []string{"680"}, 1, "line 1: no frame: not hexadecimal: odd length hex string\n", "error: 1 inputs hold no valid frame\n"},
		{"a wrong checksum", "", []string{"680101201124206891063334343534553816"}, 1, "line 1: no frame: checksum is 38, computed 37\n", "error: 1 inputs hold no valid frame\n"},
		{"a line that is longer than any capture", strings.Repeat("0", 1<<20+1), nil, 1, "", "error: bufio.Scanner: token too long\n"},
		{"nothing at all", "", nil, 0, "", ""},
		{"a language that there is not", "", []string{"-language", "fr", refusal}, 2, "", "error: -language is en or zh\n"},
		{"a flag that there is not", "", []string{"-colour"}, 2, "", "flag provided but not defined: -colour"},
	} {
		t.Run(tt.name, func(t *testing.T) { run(Decode, tt.in, tt.args...).want(t, tt.status, tt.out, tt.told) })
	}
}

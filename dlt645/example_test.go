package dlt645_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"log"

	"meterd/dlt645"
)

// Ask a meter for a voltage, and read its answer.
func Example_read() {
	meter, _ := dlt645.ParseAddress("202411200101")
	voltage, _ := dlt645.ParseDI("02010100")
	request := dlt645.ReadRequest(meter, voltage)
	wire, err := request.AppendBinary(dlt645.AppendPreamble(nil, 4))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("send %X\n", wire)

	received, _ := hex.DecodeString("FEFEFEFE680101201124206891063334343534553716")
	var answer dlt645.Frame
	if _, ok := dlt645.Scan(received, &answer); !ok || !answer.Answers(request) {
		log.Fatal(dlt645.Diagnose(received))
	}
	if refusal := answer.Refusal(); refusal != nil {
		log.Fatal(refusal)
	}
	items, err := dlt645.Decode(nil, voltage, answer.Payload())
	if err != nil {
		log.Fatal(err)
	}
	for _, it := range items {
		name, _ := dlt645.Name(it)
		fmt.Println(name.EN, name.ZH, it.Value, it.Unit())
	}
	// Output:
	// send FEFEFEFE68010120112420681104333434352C16
	// A-phase voltage A相电压 220.1 V
}

// Name a value in one language. A program that asks no other holds the words of
// that one alone.
func ExampleLanguage() {
	energy, _ := dlt645.ParseDI("00010201")
	fmt.Println(dlt645.English.NameOf(energy))
	fmt.Println(dlt645.Chinese.NameOf(energy))
	word := dlt645.Item{DI: dlt645.DI{Code: 0x04000501}, Value: dlt645.Value{Kind: dlt645.Bits, Text: "0014"}}
	for _, bit := range dlt645.English.SetBits(word) {
		fmt.Println(bit.Number, bit.Name)
	}
	// Output:
	// forward active energy tariff 2, 1 settlement days back
	// (上1结算日)正向有功电能(费率2)
	// 2 clock battery low
	// 4 active power reversed
}

// Find every frame in what was captured on a line.
func ExampleScan() {
	capture, _ := hex.DecodeString("00FF" + "68010120112420681104333434352C16" + "FEFEFEFE680101201124206891063334343534553716" + "68")
	var f dlt645.Frame
	for {
		at, ok := dlt645.Scan(capture, &f)
		if !ok {
			break
		}
		di, _ := f.DI()
		fmt.Println(f.Address, f.Control.Function().Name(f.Protocol()), di, "answer:", f.Control.Response())
		capture = capture[at.End:]
	}
	fmt.Println(len(capture)-dlt645.Pending(capture), "byte may begin another")
	// Output:
	// 202411200101 read 02010100 answer: false
	// 202411200101 read 02010100 answer: true
	// 1 byte may begin another
}

// Build a request that writes, from what people type.
func ExampleWriteRequest() {
	meter, _ := dlt645.ParseAddress("202411200101")
	start, _ := dlt645.ParseDI("04001201")
	value, err := dlt645.AppendParsed(nil, start, []string{"2026-01-01 00:00"})
	if err != nil {
		log.Fatal(err)
	}
	f, err := dlt645.WriteRequest(meter, start, dlt645.Access{Password: dlt645.Password{0x02, 0x00, 0x00, 0x00}}, value)
	if err != nil {
		log.Fatal(err)
	}
	parts, _ := f.Parts(nil)
	for _, p := range parts {
		fmt.Printf("%s: % X\n", p.Field.Text().EN, p.Data)
	}
	// Output:
	// data identifier: 01 12 00 04
	// password PA P0 P1 P2: 02 00 00 00
	// operator code: 00 00 00 00
	// data: 00 00 01 01 26
}

// Tell a meter's refusal, an unknown identifier and an unknown layout apart.
func ExampleDecode_errors() {
	voltage, _ := dlt645.ParseDI("02010100")
	_, err := dlt645.Decode(nil, voltage, []byte{0x01, 0x22, 0x00})
	if e, ok := errors.AsType[*dlt645.LengthError](err); ok {
		fmt.Println(e.Bytes, "bytes, and the table has", e.Want)
	}
	unknown, _ := dlt645.ParseDI("99000001")
	_, err = dlt645.Decode(nil, unknown, []byte{1})
	fmt.Println(errors.Is(err, dlt645.ErrUnknown))
	// Output:
	// 3 bytes, and the table has 2
	// true
}

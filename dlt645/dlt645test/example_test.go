package dlt645test_test

import (
	"fmt"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// Serve as a meter: answer the requests that a program under test sends.
func Example() {
	address, _ := dlt645.ParseAddress("202411200101")
	voltage, _ := dlt645.ParseDI("02010100")
	m := dlt645test.NewMeter(address, 3)
	m.SetNumber(voltage.Code, 2201, 2, false)

	request := dlt645.ReadRequest(address, voltage)
	answer, ok := m.Answer(request, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	items, err := dlt645.Decode(nil, voltage, answer.Payload())
	fmt.Println(ok, answer.Answers(request), items[0].Value, err)
	// Output: true true 220.1 <nil>
}

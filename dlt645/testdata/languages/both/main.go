// Command both tells the values of a frame in both languages. A test looks at what
// is linked into it.
package main

import (
	"encoding/hex"
	"fmt"
	"log"
	"os"

	"meterd/dlt645"
)

func main() {
	received, err := hex.DecodeString(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var f dlt645.Frame
	if _, ok := dlt645.Scan(received, &f); !ok {
		log.Fatal(dlt645.Diagnose(received))
	}
	if refusal := f.Refusal(); refusal != nil {
		log.Fatal(refusal)
	}
	di, _ := f.DI()
	items, err := dlt645.Decode(nil, di, f.Payload())
	if err != nil {
		log.Fatal(err)
	}
	for _, it := range items {
		name, _ := dlt645.Name(it)
		fmt.Println(name.EN, name.ZH, it.Value, it.Unit())
	}
}

package das

import (
	"cmp"
	"encoding/json"

	"meterd/meter"
	"meterd/uplink"
)

// thingModel is the platform's file of a thing model (TSL), by its page.
type thingModel struct {
	Profile struct {
		ProductKey string `json:"productKey"`
	} `json:"profile"`
	Properties []property `json:"properties"`
	Events     []event    `json:"events"`
	Services   []service  `json:"services"`
}

type dataType struct {
	Type  string `json:"type"`
	Specs any    `json:"specs"`
}

type numberSpecs struct {
	Min  string `json:"min"`
	Max  string `json:"max"`
	Step string `json:"step"`
	Unit string `json:"unit"`
}

type lengthSpecs struct {
	Length int `json:"length"`
}

type property struct {
	Identifier string   `json:"identifier"`
	Name       string   `json:"name"`
	AccessMode string   `json:"accessMode"` // r, rw
	Required   bool     `json:"required"`
	DataType   dataType `json:"dataType"`
}

type member struct {
	Identifier string   `json:"identifier"`
	Name       string   `json:"name"`
	DataType   dataType `json:"dataType"`
}

type event struct {
	Identifier string   `json:"identifier"`
	Name       string   `json:"name"`
	Desc       string   `json:"desc"`
	Type       string   `json:"type"` // info, alert, error
	Required   bool     `json:"required"`
	OutputData []member `json:"outputData"`
}

type service struct {
	Identifier string   `json:"identifier"`
	Name       string   `json:"name"`
	Desc       string   `json:"desc"`
	Required   bool     `json:"required"`
	InputData  []member `json:"inputData"`
	OutputData []member `json:"outputData"`
}

func text(length int) dataType { return dataType{"string", lengthSpecs{length}} }

// Model gives the thing model of the sub-devices' product. Events and services
// are those of the gateway, whose product needs them too.
func (d *DAS) ThingModel() ([]byte, error) {
	m := thingModel{Properties: []property{}, Events: []event{}, Services: []service{}}
	m.Profile.ProductKey = cmp.Or(d.SubProductID, d.ProductID)
	for _, f := range d.dir.Features() {
		p := property{Identifier: f.Key, Name: cmp.Or(f.Name.ZH, f.Key), AccessMode: "r", DataType: text(mostText)}
		if f.Write {
			p.AccessMode = "rw"
		}
		if f.Number {
			p.DataType = dataType{"double", numberSpecs{f.Least.String(), f.Most.String(), f.Step.String(), f.Unit}}
		}
		m.Properties = append(m.Properties, p)
	}
	for _, kind := range d.dir.Events() {
		e := event{Identifier: uplink.EventIdentifier(kind), Name: kind, Type: "info"}
		for _, name := range []string{"meter", "by", "text"} {
			e.OutputData = append(e.OutputData, member{name, name, text(mostText)})
		}
		m.Events = append(m.Events, e)
	}
	for _, o := range d.dir.Operations() {
		one := service{Identifier: uplink.EventIdentifier(string(o)), Name: string(o), InputData: []member{{"meter", "meter", text(uplink.MostText)}}, OutputData: []member{}}
		for _, in := range uplink.Inputs(o) {
			kind := text(mostText)
			if o == meter.OpRead {
				kind = dataType{"jsonObject", struct{}{}}
			}
			one.InputData = append(one.InputData, member{in, in, kind})
		}
		m.Services = append(m.Services, one)
	}
	return json.MarshalIndent(m, "", "  ")
}

// mostText is the longest text that a thing model takes.
const mostText = 10240

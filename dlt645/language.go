package dlt645

import (
	"fmt"
	"strings"
)

// Text is a name or sentence in both languages.
type Text struct{ EN, ZH string }

// In gives the text in "zh" or, for any other language, in English.
func (t Text) In(language string) string {
	if language == "zh" {
		return t.ZH
	}
	return t.EN
}

// Language gives names and sentences in one language: English, which is the
// zero value, or Chinese. What gives a Text gives both.
//
// A program that asks English alone does not hold the Chinese words, some 16
// KiB, unless it calls methods by their names as text/template does: the linker
// keeps all methods then, those that give a Text too.
type Language struct {
	// word gives the word of English in the language, as words writes it; nil:
	// as it is.
	word func(english string) string
}

// The languages. Nobody changes them.
var (
	English = Language{}
	Chinese = Language{chinese}
)

// Name gives what the standard calls an item, false if the table does not hold
// it: "A-phase voltage", "A相电压".
func (l Language) Name(it Item) (string, bool) {
	w, ok := it.words()
	return l.say(w), ok
}

// NameOf gives what the standard calls an identifier, whatever it holds; a
// family of event records with FF for DI0 by the family; "" if the table does
// not hold it.
func (l Language) NameOf(di DI) string { return l.say(di.words()) }

// Field names a field of a frame's data.
func (l Language) Field(f Field) string { return l.say(fieldNames[f]) }

// Command names a command of 1CH.
func (l Language) Command(c Command) string { return l.say(c.words()) }

// Output names an output of 1DH.
func (l Language) Output(o Output) string { return l.say(o.words()) }

// words are what a name is made of in either language. They are written in
// English, with | between what is translated apart:
//
//	A-phase|voltage      A-phase voltage     A相电压
//	energy|tariff #=2    energy tariff 2     电能(费率2)
//	status word|+s       status words        状态字块
//	frequency~load       frequency           频率
//
// The number after = goes to #. Before what begins with + there is no blank. What
// follows ~ is not said; it marks a word that is another one in Chinese there. A
// number alone is itself. In Chinese there are no blanks, and what begins with ^
// goes to the front: "energy|+, # records back=3" is (上3次)电能.
type words string

// text says it in both languages.
func (w words) text() Text { return Text{English.say(w), Chinese.say(w)} }

func (l Language) say(w words) string {
	said, blank := "", " "
	if l.word != nil {
		blank = ""
	}
	for rest, more := string(w), true; more; {
		var one, number string
		one, rest, more = strings.Cut(rest, "|")
		one, number, _ = strings.Cut(one, "=")
		one = strings.Replace(l.of(one), "#", number, 1)
		if front, ok := strings.CutPrefix(one, "^"); ok {
			said = front + said
		} else if behind, ok := strings.CutPrefix(one, "+"); ok || said == "" {
			said += behind
		} else {
			said += blank + one
		}
	}
	return said
}

// of gives one of the words in the language.
func (l Language) of(word string) string {
	if l.word != nil {
		return l.word(word)
	}
	word, _, _ = strings.Cut(word, "~")
	return word
}

// sayf is fmt.Sprintf with a format in the language.
func (l Language) sayf(format string, args ...any) string {
	return fmt.Sprintf(l.of(format), args...)
}

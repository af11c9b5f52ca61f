package dlt645

// Extent gives the least and the greatest number that the first value of an
// identifier's answer can be by its format in the tables; false where it is no
// number.
func Extent(di DI) (least, most Decimal, ok bool) {
	e, found := lookup(di)
	if !found || len(e.parts) == 0 || e.parts[0].form != formNumber {
		return Decimal{}, Decimal{}, false
	}
	p := e.parts[0]
	if p.most != 0 {
		return Decimal{int64(p.least), p.dec}, Decimal{int64(p.most), p.dec}, true
	}
	return ExtentOf(int(p.width), p.dec, p.signed)
}

// ExtentOf gives the same for BCD of that many bytes with decimals. Where the
// top bit is the sign the highest digit is 7 at most (Appendix A).
func ExtentOf(bytes int, decimals uint8, signed bool) (least, most Decimal, ok bool) {
	if bytes < 1 || 2*bytes > MaxScale {
		return Decimal{}, Decimal{}, false
	}
	top := pow10(2 * bytes)
	if signed {
		top = top / 10 * 8
		least = Decimal{-(top - 1), decimals}
	}
	return least, Decimal{top - 1, decimals}, true
}

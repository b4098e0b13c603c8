package secret

import (
	"bytes"
	"regexp"

	"sluice.dev/sluice/api"
)

var sealedText = regexp.MustCompile(regexp.QuoteMeta(api.SealedPrefix) + `[A-Za-z0-9_-]+`)

// Mask puts api.Mask in place of every sealed text in an answer, wherever in it
// one stands: a member of a document, one side of a difference, a word of a
// message. Sealed text is known by its prefix, so whatever is added to an answer
// later is covered.
func Mask(answer []byte) []byte {
	if !bytes.Contains(answer, []byte(api.SealedPrefix)) {
		return answer
	}
	return sealedText.ReplaceAllLiteral(answer, []byte(api.Mask))
}

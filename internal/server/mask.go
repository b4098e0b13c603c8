package server

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/danielgtaylor/huma/v2"

	seals "sluice.dev/sluice/internal/secret"
)

// mask is what leaves the server of an answer: what is sealed in it becomes
// api.Mask. It is done here, on the bytes, and not where answers are made, so that
// no route, field or message can be forgotten.
func mask(answer []byte) []byte { return seals.Mask(answer) }

// masked writes JSON as huma does, masked. /watch and the problems that huma does
// not write are masked where they are written.
var masked = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return err
		}
		_, err := w.Write(mask(b.Bytes()))
		return err
	},
	Unmarshal: json.Unmarshal,
}

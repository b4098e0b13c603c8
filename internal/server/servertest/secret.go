package servertest

import (
	"encoding/base64"

	"sluice.dev/sluice/api"
)

// sealed keeps a document's secrets as the controller does, in text that a real
// server would have sealed; there is no key here, so anybody could read it. That
// answers show none of it is the server's work.
func sealed(current, next api.Document) (api.Document, error) {
	doc, err := api.KeepSecrets(current, next)
	if err != nil {
		return doc, err
	}
	return doc.MapSecrets(func(_, value string) (string, error) {
		if api.IsSealed(value) {
			return value, nil
		}
		return api.SealedPrefix + base64.RawURLEncoding.EncodeToString([]byte(value)), nil
	})
}

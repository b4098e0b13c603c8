package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// readLabels reads the output "label" of an answer.
func readLabels(response *http.Response) ([]float64, error) {
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Outputs []struct {
			Name string    `json:"name"`
			Data []float64 `json:"data"`
		} `json:"outputs"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK || len(answer.Outputs) == 0 || answer.Outputs[0].Name != labelName {
		return nil, fmt.Errorf("%s: %s", response.Status, text)
	}
	return answer.Outputs[0].Data, nil
}

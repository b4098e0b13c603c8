package api

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// decodeYAML reads the syntax tree itself instead of decoding into any: so
// numbers keep their digits, duplicate keys are seen, and aliases are counted
// where they are used, which a hostile file could otherwise multiply.
func decodeYAML(data []byte) (value any, err error) {
	defer func() {
		// The parser is fuzzed, but a file must never end the server.
		if r := recover(); r != nil {
			err = fmt.Errorf("the service file is not valid YAML: %v", r)
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if err := boundTokens(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, yamlSyntax(err)
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentType && doc.Body.Type() != ast.DirectiveType {
			bodies = append(bodies, doc.Body)
		}
	}
	switch {
	case len(bodies) == 0:
		return nil, errors.New(`the service file is empty; it needs at least "metadata" and "containers"`)
	case len(bodies) > 1:
		return nil, fmt.Errorf("the service file holds %d YAML documents; one file holds one service", len(bodies))
	}
	r := &yamlReader{anchors: map[string]ast.Node{}}
	return r.value("", bodies[0], 0)
}

// boundTokens refuses what would cost the parser too much before it starts: it
// follows nesting by recursion, which no recover can stop when the stack is
// full, and compares keys pair by pair.
func boundTokens(tokens token.Tokens) error {
	flow, line, row, values := 0, 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			// - - - on one line nests as well.
			if t.Position.Line != line {
				line, row = t.Position.Line, 0
			}
			row++
		case token.MappingValueType, token.CollectEntryType:
			values++
		}
		if flow > maxDepth || row > maxDepth || values > maxValues {
			return tooBig(fmt.Sprintf("line %d", t.Position.Line))
		}
	}
	return nil
}

func yamlSyntax(err error) error {
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) && syntax.Token != nil && syntax.Token.Position != nil {
		return fmt.Errorf("the service file is not valid YAML, line %d: %s", syntax.Token.Position.Line, syntax.Message)
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf("the service file is not valid YAML: %s", first)
}

type yamlReader struct {
	anchors map[string]ast.Node
	values  int
}

func (r *yamlReader) value(path string, node ast.Node, depth int) (any, error) {
	if r.values++; r.values > maxValues || depth > maxDepth {
		return nil, tooBig(path)
	}
	switch n := node.(type) {
	case nil, *ast.NullNode:
		return nil, nil
	case *ast.BoolNode:
		return n.Value, nil
	case *ast.StringNode:
		if n.Token.Type == token.StringType && decimal.MatchString(n.Value) {
			return yamlNumber(path, n.Value, nil) // a plain number that the parser finds too large
		}
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.IntegerNode:
		return yamlNumber(path, n.Token.Value, n.Value)
	case *ast.FloatNode:
		return yamlNumber(path, n.Token.Value, n.Value)
	case *ast.MappingNode:
		return r.object(path, n.Values, depth)
	case *ast.MappingValueNode:
		return r.object(path, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		list := []any{}
		for i, item := range n.Values {
			v, err := r.value(joinIndex(path, i), item, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case *ast.AnchorNode:
		r.anchors[n.Name.GetToken().Value] = n.Value
		return r.value(path, n.Value, depth+1)
	case *ast.AliasNode:
		target, ok := r.anchors[n.Value.GetToken().Value]
		if !ok {
			return nil, fmt.Errorf("%s: line %d: there is no anchor &%s before this alias", path, lineOf(n), n.Value.GetToken().Value)
		}
		return r.value(path, target, depth+1)
	case *ast.TagNode:
		return r.tagged(path, n, depth)
	}
	return nil, fmt.Errorf("%s: line %d: %s has no place in a service file; text, whole and decimal numbers, true, false, null, lists and objects are allowed",
		path, lineOf(node), node.Type())
}

// tagged reads the tags of YAML's core schema that only confirm what stands
// there; !!str makes text of a scalar, as it is meant to.
func (r *yamlReader) tagged(path string, n *ast.TagNode, depth int) (any, error) {
	switch n.Start.Value {
	case "!!str":
		if scalar, ok := n.Value.(ast.ScalarNode); ok {
			if text, ok := scalar.GetValue().(string); ok {
				return text, nil
			}
			return scalar.GetToken().Value, nil
		}
	case "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq":
		return r.value(path, n.Value, depth+1)
	}
	return nil, fmt.Errorf("%s: line %d: the YAML tag %s has no place in a service file", path, lineOf(n), n.Start.Value)
}

func (r *yamlReader) object(path string, values []*ast.MappingValueNode, depth int) (any, error) {
	object := map[string]any{}
	merged := map[string]any{} // from <<, which own keys override
	for _, entry := range values {
		if entry.Key.Type() == ast.MergeKeyType {
			if err := r.mergeKey(path, entry.Value, merged, depth); err != nil {
				return nil, err
			}
			continue
		}
		key, err := yamlKey(path, entry.Key)
		if err != nil {
			return nil, err
		}
		if _, twice := object[key]; twice {
			return nil, writtenTwice(joinField(path, key), lineOf(entry.Key))
		}
		if object[key], err = r.value(joinField(path, key), entry.Value, depth+1); err != nil {
			return nil, err
		}
	}
	for key, v := range merged {
		if _, own := object[key]; !own {
			object[key] = v
		}
	}
	return object, nil
}

// mergeKey reads <<: *base or <<: [*first, *second]; the first to name a key wins.
func (r *yamlReader) mergeKey(path string, node ast.Node, into map[string]any, depth int) error {
	v, err := r.value(path, node, depth+1)
	if err != nil {
		return err
	}
	bases, ok := v.([]any)
	if !ok {
		bases = []any{v}
	}
	for _, base := range bases {
		object, ok := base.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: line %d: << takes an object, not %s", path, lineOf(node), kindOf(base))
		}
		for key, v := range object {
			if _, set := into[key]; !set {
				into[key] = v
			}
		}
	}
	return nil
}

func yamlKey(path string, key ast.MapKeyNode) (string, error) {
	switch k := key.(type) {
	case *ast.StringNode:
		return k.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return k.GetToken().Value, nil
	}
	return "", fmt.Errorf("%s: line %d: a key must be plain text, not %s", path, lineOf(key), key.Type())
}

var decimal = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*|[0-9]*\.[0-9]+|[0-9]+\.)([eE][-+]?[0-9]+)?$`)

// yamlNumber takes decimal text digit by digit; hexadecimal, octal and grouped
// spellings by the value that the parser read.
func yamlNumber(path, text string, value any) (any, error) {
	if !decimal.MatchString(text) {
		switch v := value.(type) {
		case int64:
			text = big.NewInt(v).String()
		case uint64:
			text = new(big.Int).SetUint64(v).String()
		case float64:
			text = big.NewFloat(v).Text('g', 17)
		}
	}
	n, err := canonicalNumber(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

func lineOf(node ast.Node) int {
	if t := node.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

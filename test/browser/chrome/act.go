package chrome

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Found is an element as a screen reader is told of it.
type Found struct {
	Role, Name string
	Disabled   bool
	Value      string
	id         cdp.BackendNodeID
}

// Find lists the elements of a role ("button", "link", "textbox", ...) whose
// accessible name matches, in the order of the page.
func (p *Page) Find(role string, name *regexp.Regexp) ([]Found, error) {
	var found []Found
	document, err := ask(p, dom.GetDocument, dom.GetDocumentParams{})
	if err != nil {
		return nil, err
	}
	answer, err := ask(p, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{BackendNodeID: document.Root.BackendNodeID, Role: role})
	if err != nil {
		return nil, err
	}
	for _, n := range answer.Nodes {
		f := Found{Role: role, Name: text(n.Name), Value: text(n.Value), id: n.BackendDOMNodeID}
		if n.Ignored || !name.MatchString(f.Name) {
			continue
		}
		for _, property := range n.Properties {
			if property.Name == accessibility.PropertyNameDisabled {
				f.Disabled = text(property.Value) == "true"
			}
		}
		found = append(found, f)
	}
	return found, nil
}

func text(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	var s string
	if json.Unmarshal(v.Value, &s) != nil {
		s = string(v.Value) // a number, true or false
	}
	return strings.TrimSpace(s)
}

// one waits for the element, and for it to be usable.
func (p *Page) one(role, name string) (Found, error) {
	pattern, err := regexp.Compile(name)
	if err != nil {
		return Found{}, err
	}
	var found []Found
	err = p.Await(fmt.Sprintf("there is a %s %q that can be used", role, name), func() (bool, error) {
		var err error
		found, err = p.Find(role, pattern)
		found = slices.DeleteFunc(found, func(f Found) bool { return f.Disabled })
		return len(found) > 0, err
	})
	if err != nil {
		return Found{}, err
	}
	return found[0], nil
}

var errCovered = errors.New("something else is there")

// center is where on the screen an element is: the middle of what of it a press
// would reach.
func (p *Page) center(f Found) (x, y float64, err error) {
	if err := p.do(send(dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: f.id})); err != nil {
		return 0, 0, err
	}
	answer, err := ask(p, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: f.id})
	if err != nil {
		return 0, 0, err
	}
	if len(answer.Quads) == 0 {
		return 0, 0, fmt.Errorf("the %s %q takes no room on the page", f.Role, f.Name)
	}
	q := answer.Quads[0]
	x, y = (q[0]+q[2]+q[4]+q[6])/4, (q[1]+q[3]+q[5]+q[7])/4
	return x, y, p.reaches(f, x, y)
}

// reaches checks that a press there is a press of the element, not of something
// that lies over it.
func (p *Page) reaches(f Found, x, y float64) error {
	var hit string
	err := p.on(f, `function (x, y) {
		const hit = document.elementFromPoint(x, y);
		const same = hit && (this === hit || this.contains(hit) || hit.contains(this) && hit.tagName === "LABEL");
		return same ? "" : hit ? hit.outerHTML.slice(0, 200) : "nothing";
	}`, &hit, x, y)
	if err == nil && hit != "" {
		err = fmt.Errorf("the %s %q cannot be pressed, %w: %s", f.Role, f.Name, errCovered, hit)
	}
	return err
}

// on calls a function of JavaScript with the element as "this".
func (p *Page) on(f Found, function string, value any, args ...any) error {
	object, err := ask(p, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: f.id})
	if err != nil {
		return err
	}
	yes := true
	call := runtime.CallFunctionOnParams{FunctionDeclaration: function, ObjectID: object.Object.ObjectID, ReturnByValue: &yes}
	for _, a := range args {
		text, err := json.Marshal(a)
		if err != nil {
			return err
		}
		call.Arguments = append(call.Arguments, &runtime.CallArgument{Value: text})
	}
	answer, err := ask(p, runtime.CallFunctionOn, call)
	if err != nil {
		return err
	}
	if answer.ExceptionDetails != nil {
		return errors.New(said(answer.ExceptionDetails))
	}
	return json.Unmarshal(answer.Result.Value, value)
}

// Press clicks the first usable element of a role whose name matches, where it
// is on the screen. It waits for it.
func (p *Page) Press(role, name string) error {
	return p.act(role, name, func(_ Found, x, y float64) error { return p.do(chromedp.MouseClickXY(x, y)) })
}

// act finds an element and does something where it is. An element that the page
// replaces in between, or that something hides for a moment, is looked for again.
func (p *Page) act(role, name string, do func(f Found, x, y float64) error) error {
	var f Found
	var x, y float64
	var last error
	err := p.Await(fmt.Sprintf("the %s %q can be reached", role, name), func() (bool, error) {
		if f, last = p.one(role, name); last != nil {
			return false, last
		}
		x, y, last = p.center(f)
		return last == nil, last
	})
	if err != nil {
		return err
	}
	return do(f, x, y)
}

// Drag presses a slider's thumb, or any element, in its middle and lets go so
// many pixels away.
func (p *Page) Drag(role, name string, dx, dy float64) error {
	return p.act(role, name, func(_ Found, x, y float64) error { return p.DragFrom(x, y, x+dx, y+dy) })
}

// DragFrom moves the mouse, held down, from one place of the window to another.
func (p *Page) DragFrom(x, y, toX, toY float64) error {
	const steps = 10
	left := chromedp.ButtonType(input.MouseButtonLeft)
	actions := []chromedp.Action[chromedp.Void]{chromedp.MouseEvent(chromedp.MouseMoved, x, y), chromedp.MouseEvent(chromedp.MousePressed, x, y, left, chromedp.ClickCount(1))}
	for i := 1; i <= steps; i++ {
		part := float64(i) / steps
		actions = append(actions, chromedp.MouseEvent(chromedp.MouseMoved, x+(toX-x)*part, y+(toY-y)*part, left))
	}
	actions = append(actions, chromedp.MouseEvent(chromedp.MouseReleased, toX, toY, left, chromedp.ClickCount(1)))
	return p.do(actions...)
}

// Fill replaces what is in a field by what a person types.
func (p *Page) Fill(role, name, value string) error {
	return p.act(role, name, func(f Found, x, y float64) error {
		return p.do(
			chromedp.MouseClickXY(x, y),
			send(dom.Focus, dom.FocusParams{BackendNodeID: f.id}),
			chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)),
			chromedp.KeyEvent(kb.Backspace),
			chromedp.KeyEvent(value))
	})
}

// Choose takes an option of a select by its value.
func (p *Page) Choose(name, value string) error {
	f, err := p.one("combobox", name)
	if err != nil {
		return err
	}
	var chosen bool
	err = p.on(f, `function (v) {
		this.value = v;
		this.dispatchEvent(new Event("input", { bubbles: true }));
		this.dispatchEvent(new Event("change", { bubbles: true }));
		return this.value === v;
	}`, &chosen, value)
	if err == nil && !chosen {
		err = fmt.Errorf("%q has no option %q", f.Name, value)
	}
	return err
}

// Keys types: text, or keys of package kb.
// A key that the page keeps for itself types nothing, as with a real keyboard:
// its character is part of its press, not an event of its own.
func (p *Page) Keys(keys string) error {
	var steps []chromedp.Action[chromedp.Void]
	for _, r := range keys {
		events := kb.Encode(r)
		for i, e := range events {
			if e.Type == input.DispatchKeyEventTypeChar {
				continue
			}
			if i+1 < len(events) && events[i+1].Type == input.DispatchKeyEventTypeChar {
				e.Type, e.Text, e.UnmodifiedText = input.DispatchKeyEventTypeKeyDown, events[i+1].Text, events[i+1].UnmodifiedText
			}
			steps = append(steps, send(input.DispatchKeyEvent, *e))
		}
	}
	return p.do(steps...)
}

// Focused is the element that has the keyboard's focus.
func (p *Page) Focused() (Found, error) {
	element, err := ask(p, runtime.Evaluate, runtime.EvaluateParams{Expression: "document.activeElement"})
	if err != nil {
		return Found{}, err
	}
	no := false
	answer, err := ask(p, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{ObjectID: element.Result.ObjectID, FetchRelatives: &no})
	if err != nil || len(answer.Nodes) == 0 {
		return Found{}, err
	}
	n := answer.Nodes[0]
	return Found{Role: text(n.Role), Name: text(n.Name), Value: text(n.Value), id: n.BackendDOMNodeID}, nil
}

// Same tells whether two are one element.
func (f Found) Same(other Found) bool { return f.id == other.id }

package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Reference writes docs/cli.md from the commands; a test holds the two together.
func Reference(root *cobra.Command) []byte {
	root.InitDefaultCompletionCmd()
	var b strings.Builder
	b.WriteString("<!-- Generated from the commands: go test ./cmd/sluice -run TestReference -update -->\n\n# The command line\n\n")
	b.WriteString(prose(root.Long) + "\n\n```\n" + root.Example + "\n```\n\n")
	b.WriteString("Flags of every command:\n\n" + flagTable(root.PersistentFlags()))
	for _, group := range root.Groups() {
		writeGroup(&b, root, group.ID, strings.TrimSuffix(group.Title, ":"))
	}
	writeGroup(&b, root, "", "Other")
	return []byte(strings.TrimRight(b.String(), "\n") + "\n")
}

func writeGroup(b *strings.Builder, root *cobra.Command, id, title string) {
	var commands []*cobra.Command
	for _, cmd := range root.Commands() {
		if cmd.GroupID == id && cmd.IsAvailableCommand() {
			commands = append(commands, cmd)
		}
	}
	slices.SortFunc(commands, func(a, b *cobra.Command) int { return strings.Compare(a.Name(), b.Name()) })
	if len(commands) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n", title)
	for _, cmd := range commands {
		writeCommand(b, cmd, "###")
	}
}

// writeCommand writes a command and the ones below it.
func writeCommand(b *strings.Builder, cmd *cobra.Command, heading string) {
	_, path, _ := strings.Cut(cmd.CommandPath(), " ")
	fmt.Fprintf(b, "\n%s %s\n\n`%s`\n\n%s\n", heading, path, cmd.Parent().CommandPath()+" "+cmd.Use, prose(cmd.Long))
	if cmd.Example != "" {
		b.WriteString("\n```\n" + cmd.Example + "\n```\n")
	}
	if flags := flagTable(cmd.NonInheritedFlags()); flags != "" {
		b.WriteString("\n" + flags)
	}
	if cmd.GroupID == "" {
		return // completion, whose commands are one for each shell
	}
	for _, below := range cmd.Commands() {
		if below.IsAvailableCommand() {
			writeCommand(b, below, heading+"#")
		}
	}
}

// prose joins wrapped lines to paragraphs; indented ones, which are code, and
// lists stay as they are.
func prose(text string) string {
	var out strings.Builder
	for i, paragraph := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		if i > 0 {
			out.WriteString("\n\n")
		}
		if strings.HasPrefix(paragraph, " ") || strings.HasPrefix(paragraph, "\t") {
			out.WriteString("```\n" + paragraph + "\n```")
			continue
		}
		out.WriteString(strings.ReplaceAll(paragraph, "\n", " "))
	}
	return out.String()
}

func flagTable(flags *pflag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		if b.Len() == 0 {
			b.WriteString("| flag | default | meaning |\n|---|---|---|\n")
		}
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		value := ""
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
			value = "`" + f.DefValue + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, value, strings.ReplaceAll(f.Usage, "|", "\\|"))
	})
	return b.String()
}

using FsCheck;
using FsCheck.Fluent;
using KvmAgent.Settings;

namespace KvmAgent.Tests.Settings;

public sealed class ShellWordsTests
{
    private static readonly Gen<string> Words = Gen.Elements("", "a", "-device", " ", "'", "\"", "\\", "$", "`", "\n", "\t", "é", "*", "=,/", "\\\n")
        .ArrayOf().Select(parts => string.Concat(parts.Take(5)));

    [Theory]
    [InlineData("", new string[0])]
    [InlineData(" \t\n ", new string[0])]
    [InlineData("-device usb-mouse", new[] { "-device", "usb-mouse" })]
    [InlineData("  a\tb\nc  ", new[] { "a", "b", "c" })]
    [InlineData("'' \"\"", new[] { "", "" })]
    [InlineData("a'b c'\"d e\"f", new[] { "ab cd ef" })]
    [InlineData(@"'a\b' ""a\b\""\\\$\`"" a\ b\'", new[] { @"a\b", @"a\b""\$`", "a b'" })]
    [InlineData("$HOME `id` *.img ~ a;b|c #d", new[] { "$HOME", "`id`", "*.img", "~", "a;b|c", "#d" })]
    [InlineData("-device a \\\n  -device b\\\nc \"d\\\ne\"", new[] { "-device", "a", "-device", "bc", "de" })]
    public void Text_is_split_as_a_shell_does_it(string text, string[] words) => ShellWords.Split(text).ShouldBe(words);

    [Theory]
    [InlineData("a 'b", "single quote")]
    [InlineData("a \"b", "double quote")]
    [InlineData("\"b\\\"", "double quote")]
    [InlineData("a\\", "backslash")]
    public void What_is_left_open_is_an_error(string text, string problem) =>
        Should.Throw<FormatException>(() => ShellWords.Split(text)).Message.ShouldContain(problem);

    [Fact]
    public void Words_that_are_joined_are_split_into_the_same() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(300),
        Prop.ForAll(Arb.From(Words.ArrayOf()), words => ShellWords.Split(ShellWords.Join(words)).SequenceEqual(words)));
}

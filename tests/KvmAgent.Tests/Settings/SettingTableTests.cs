using System.Globalization;
using System.Text;
using KvmAgent.Settings;
using KvmAgent.TestSupport;

namespace KvmAgent.Tests.Settings;

/// <summary>The README's table of settings is the code's.</summary>
public sealed class SettingTableTests
{
    private const string Begin = "<!-- settings -->\n", End = "<!-- /settings -->";

    [Fact]
    public void The_readmes_table_is_that_of_the_code()
    {
        var path = RepositoryRoot.At("README.md");
        var readme = File.ReadAllText(path);
        var begin = readme.IndexOf(Begin, StringComparison.Ordinal);
        var end = readme.IndexOf(End, StringComparison.Ordinal);
        begin.ShouldBeGreaterThanOrEqualTo(0);
        end.ShouldBeGreaterThan(begin);

        Golden.ShouldBe(readme[..(begin + Begin.Length)] + Table() + readme[end..], path);
    }

    [Fact]
    public void All_is_all_and_no_name_or_key_is_there_twice()
    {
        var declared = typeof(Setting).GetFields().Where(f => f.FieldType == typeof(Setting)).Select(f => (Setting)f.GetValue(null)!);

        Setting.All.ShouldBe(declared, ignoreOrder: true);
        Setting.All.Select(s => s.Name).ShouldBeUnique();
        Setting.All.Select(s => s.Key).OfType<string>().Concat(SpecFile.OwnKeys).ShouldBeUnique();
    }

    private static string Table()
    {
        var table = new StringBuilder("| Variable | In `VM_SPEC_FILE` | Default | Meaning |\n|---|---|---|---|\n");
        foreach (var setting in Setting.All)
        {
            table.Append(CultureInfo.InvariantCulture, $"| `{setting.Name}` | {Code(setting.Key)} | {Default(setting.Default)} | {setting.Meaning} |\n");
        }

        return table.ToString();
    }

    /// <summary>A value is code; a sentence, which has blanks, is text.</summary>
    private static string Default(string value) => value.Contains(' ', StringComparison.Ordinal) ? value : Code(value);

    private static string Code(string? value) => string.IsNullOrEmpty(value) ? "" : $"`{value}`";
}

using System.Globalization;
using System.Text;
using KvmAgent.Coordinator.Alone;
using KvmAgent.Coordinator.Hosting;
using KvmAgent.TestSupport;

namespace KvmAgent.Coordinator.Tests.Hosting;

/// <summary>The README's table of settings is the code's.</summary>
public sealed class SettingTableTests
{
    [Theory]
    [InlineData("settings")]
    [InlineData("settings alone")]
    public void The_readmes_table_is_that_of_the_code(string mark)
    {
        var (first, last) = ($"<!-- {mark} -->\n", $"<!-- /{mark} -->");
        var path = RepositoryRoot.At("src/KvmAgent.Coordinator/README.md");
        var readme = File.ReadAllText(path);
        var begin = readme.IndexOf(first, StringComparison.Ordinal);
        var end = readme.IndexOf(last, StringComparison.Ordinal);
        begin.ShouldBeGreaterThanOrEqualTo(0);
        end.ShouldBeGreaterThan(begin);
        Golden.ShouldBe(readme[..(begin + first.Length)] + Table(mark == "settings" ? Setting.All : AloneSetting.All) + readme[end..], path);
    }

    [Fact]
    public void All_is_all()
    {
        var declared = typeof(Setting).GetFields().Where(static f => f.FieldType == typeof(Setting)).Select(static f => (Setting)f.GetValue(null)!);
        Setting.All.ShouldBe(declared, ignoreOrder: true);
        Setting.All.Select(static s => s.Name).ShouldBeUnique();
    }

    private static string Table(IReadOnlyList<Setting> settings)
    {
        var table = new StringBuilder("| Variable | Default | Meaning |\n|---|---|---|\n");
        foreach (var setting in settings)
        {
            // A value is code; a sentence, which has blanks, is text.
            var value = setting.Default.Length == 0 || setting.Default.Contains(' ', StringComparison.Ordinal) ? setting.Default : $"`{setting.Default}`";
            table.Append(CultureInfo.InvariantCulture, $"| `{setting.Name}` | {value} | {setting.Meaning} |\n");
        }

        return table.ToString();
    }
}

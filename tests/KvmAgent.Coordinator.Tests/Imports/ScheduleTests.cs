using System.Globalization;
using KvmAgent.Coordinator.Imports.Crons;

namespace KvmAgent.Coordinator.Tests.Imports;

/// <summary>Cron expressions: when they come, and what is wrong with those that are none.</summary>
public sealed class ScheduleTests
{
    [Theory]
    [InlineData("* * * * *", "2026-03-01T12:00:30Z", "2026-03-01T12:01Z")]
    [InlineData("*/15 * * * *", "2026-03-01T12:45Z", "2026-03-01T13:00Z")]
    [InlineData("5/20 * * * *", "2026-03-01T12:26Z", "2026-03-01T12:45Z")]
    [InlineData("30 1 * * *", "2026-03-01T01:30Z", "2026-03-02T01:30Z")]
    [InlineData("0 0 1 1 *", "2026-03-01T00:00Z", "2027-01-01T00:00Z")]
    [InlineData("0 12 * * MON-fri", "2026-02-27T12:00Z", "2026-03-02T12:00Z")]
    [InlineData("0 12 * * 7", "2026-03-02T00:00Z", "2026-03-08T12:00Z")]
    [InlineData("0 12 * * 0,3", "2026-03-02T00:00Z", "2026-03-04T12:00Z")]
    [InlineData("0 0 13 * 5", "2026-03-01T00:00Z", "2026-03-06T00:00Z")]
    [InlineData("0 0 13 * ?", "2026-03-01T00:00Z", "2026-03-13T00:00Z")]
    [InlineData("0 0 29 2 *", "2096-03-01T00:00Z", "2104-02-29T00:00Z")]
    [InlineData("0 0 31 1-11/2,dec *", "2026-08-31T00:00Z", "2026-12-31T00:00Z")]
    [InlineData(" @hourly ", "2026-12-31T23:59:59Z", "2027-01-01T00:00Z")]
    [InlineData("@weekly", "2026-03-02T00:00Z", "2026-03-08T00:00Z")]
    public void It_comes_next(string text, string after, string next)
    {
        var (schedule, problem) = Schedule.Parse(text);

        problem.ShouldBeNull();
        schedule!.Next(At(after)).ShouldBe(At(next));
    }

    [Theory]
    [InlineData("every day", "has 2 fields")]
    [InlineData("0 0 * * * *", "has 6 fields")]
    [InlineData("60 * * * *", "has the minute \"60\", and 0 to 59 go")]
    [InlineData("* 24 * * *", "the hour \"24\"")]
    [InlineData("* * 0 * *", "the day of the month \"0\"")]
    [InlineData("* * * FOO *", "the month \"FOO\"")]
    [InlineData("* * * * 8", "the day of the week \"8\"")]
    [InlineData("5-1 * * * *", "the minute \"5-1\"")]
    [InlineData("*/0 * * * *", "the minute \"*/0\"")]
    [InlineData("*/ * * * *", "the minute \"*/\"")]
    [InlineData("1-2-3 * * * *", "the minute \"1-2-3\"")]
    [InlineData("1/2/3 * * * *", "the minute \"1/2/3\"")]
    [InlineData(", * * * *", "the minute \",\"")]
    [InlineData("-1 * * * *", "the minute \"-1\"")]
    [InlineData("0 0 30 2 *", "never comes")]
    public void What_is_none_is_told(string text, string why)
    {
        var (schedule, problem) = Schedule.Parse(text);

        schedule.ShouldBeNull();
        problem!.ShouldContain(why);
        problem.ShouldEndWith("write minute, hour, day of the month, month and day of the week in UTC, such as \"30 1 * * 1\"");
    }

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
}

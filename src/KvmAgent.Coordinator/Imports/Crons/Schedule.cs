using System.Globalization;
using System.Numerics;

namespace KvmAgent.Coordinator.Imports.Crons;

/// <summary>
/// A cron expression of five fields, in UTC: numbers, names of months and days, <c>*</c>, ranges, steps, lists; and @hourly to @yearly. Where
/// both day fields are restricted, a day that fits either is meant, as crontab(5) has it.
/// </summary>
internal sealed class Schedule
{
    /// <summary>The 29th of February may be so far away.</summary>
    private const int MostYears = 8;

    private static readonly string[] Months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    private static readonly string[] Days = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

    private readonly ulong _minutes, _hours, _days, _months, _weekdays;
    private readonly bool _either;

    private Schedule(ulong[] fields, bool either) =>
        (_minutes, _hours, _days, _months, _weekdays, _either) = (fields[0], fields[1], fields[2], fields[3], fields[4], either);

    /// <returns>The schedule, or what is wrong with it.</returns>
    public static (Schedule? Schedule, string? Problem) Parse(string text)
    {
        var fields = Macro(text.Trim()).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length != 5)
        {
            return (null, Wrong($"has {fields.Length} fields"));
        }

        var sets = new ulong[5];
        (string Name, int Least, int Most, string[] Names)[] kinds =
            [("minute", 0, 59, []), ("hour", 0, 23, []), ("day of the month", 1, 31, []), ("month", 1, 12, Months), ("day of the week", 0, 7, Days)];
        foreach (var (at, (name, least, most, names)) in kinds.Index())
        {
            if (Set(fields[at], least, most, names) is not { } set)
            {
                return (null, Wrong($"has the {name} \"{fields[at]}\", and {least} to {most} go"));
            }

            sets[at] = set;
        }

        // Both 0 and 7 are Sunday.
        sets[4] = (sets[4] | (sets[4] >> 7)) & 0x7f;
        var schedule = new Schedule(sets, !IsAny(fields[2]) && !IsAny(fields[4]));
        return schedule.Next(DateTimeOffset.UnixEpoch) is null ? (null, Wrong("never comes")) : (schedule, null);

        string Wrong(string why) => $"the schedule \"{text}\" {why}; write minute, hour, day of the month, month and day of the week in UTC, such as \"30 1 * * 1\"";
    }

    /// <returns>The first time after; null where there is none.</returns>
    public DateTimeOffset? Next(DateTimeOffset after)
    {
        var at = after.UtcDateTime;
        at = new DateTime(at.Year, at.Month, at.Day, at.Hour, at.Minute, 0, DateTimeKind.Utc).AddMinutes(1);
        for (var end = at.Year + MostYears; at.Year <= end;)
        {
            if (!Has(_months, at.Month))
            {
                at = new DateTime(at.Year, at.Month, 1, 0, 0, 0, DateTimeKind.Utc).AddMonths(1);
            }
            else if (!IsDay(at))
            {
                at = at.Date.AddDays(1);
            }
            else if (!Has(_hours, at.Hour))
            {
                at = at.Date.AddHours(at.Hour + 1);
            }
            else if (!Has(_minutes, at.Minute))
            {
                at = at.AddMinutes(1);
            }
            else
            {
                return at;
            }
        }

        return null;
    }

    private static string Macro(string text) => text switch
    {
        "@yearly" or "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" or "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => text,
    };

    private static bool IsAny(string field) => field[0] is '*' or '?';

    private static ulong? Set(string field, int least, int most, string[] names)
    {
        var set = 0UL;
        foreach (var part in field.Split(','))
        {
            if (Part(part, least, most, names) is not { } some)
            {
                return null;
            }

            set |= some;
        }

        return set;
    }

    /// <summary><c>FROM-TO/STEP</c>, of which all but the first may be left out.</summary>
    private static ulong? Part(string part, int least, int most, string[] names)
    {
        var (range, step) = part.Split('/') switch
        {
            [var whole] => (whole, (int?)null),
            [var whole, var by] => (whole, Number(by, 1, most + 1, [])),
            _ => ("", 0),
        };
        if (step is null && part.Contains('/', StringComparison.Ordinal))
        {
            return null;
        }

        var (from, to) = range switch
        {
            "*" or "?" => (least, most),
            _ => range.Split('-') switch
            {
                [var one] => (Number(one, least, most, names), step is null ? Number(one, least, most, names) : most),
                [var first, var last] => (Number(first, least, most, names), Number(last, least, most, names)),
                _ => ((int?)null, (int?)null),
            },
        };
        if (from is null || to is null || from > to || step == 0)
        {
            return null;
        }

        var set = 0UL;
        for (var at = from.Value; at <= to; at += step ?? 1)
        {
            set |= 1UL << at;
        }

        return BitOperations.PopCount(set) > 0 ? set : null;
    }

    private static int? Number(string text, int least, int most, string[] names)
    {
        if (Array.FindIndex(names, n => n.Equals(text, StringComparison.OrdinalIgnoreCase)) is var at and >= 0)
        {
            return least + at;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number : null;
    }

    private static bool Has(ulong set, int value) => (set & (1UL << value)) != 0;

    private bool IsDay(DateTime at)
    {
        var (day, weekday) = (Has(_days, at.Day), Has(_weekdays, (int)at.DayOfWeek));
        return _either ? day || weekday : day && weekday;
    }
}

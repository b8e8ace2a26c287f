using System.Text.Json;
using KvmAgent.Contracts;

namespace KvmAgent.Status;

/// <summary>The VM's transitions in RUN_DIR, one JSON object a line, for those who come later; begun anew once it is over 1 MiB.</summary>
internal sealed class Journal(string runDir)
{
    private const long Longest = 1 << 20;

    private readonly string _path = PathIn(runDir);
    private VmPhase? _last;

    public static string PathIn(string runDir) => Path.Combine(runDir, "journal");

    public void Record(VmStatus status)
    {
        if (status.Phase == _last)
        {
            return;
        }

        _last = status.Phase;
        // Not FileMode.Append, which refuses to cut what was there before.
        using var file = new FileStream(_path, FileMode.OpenOrCreate, FileAccess.Write);
        if (file.Length > Longest)
        {
            file.SetLength(0);
        }

        file.Seek(0, SeekOrigin.End);
        using (var json = new Utf8JsonWriter(file))
        {
            json.WriteStartObject();
            json.WriteString("time", status.Since);
            json.WriteString("phase", status.Phase.ToString());
            if (status.Reason is { } reason)
            {
                json.WriteString("reason", reason);
            }

            json.WriteEndObject();
        }

        file.Write("\n"u8);
    }
}

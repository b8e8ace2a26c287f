using KvmAgent.Images.Store;

namespace KvmAgent.Images.Conversion;

/// <summary>qemu-img's percent as bytes of a disk. The last one is not told: what is written is not on the disk yet.</summary>
internal sealed class QemuImgPercent(FetchMeter meter, long size) : IProgress<double>
{
    public void Report(double value)
    {
        if (value < 100)
            meter.At((long)(value / 100 * size));
    }
}

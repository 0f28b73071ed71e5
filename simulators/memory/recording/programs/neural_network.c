/* Trains a small neural network on made-up data: 784 inputs, 128 hidden units, 10 outputs, one example at a time.
 *
 * All numbers come from a linear congruential generator, so every run does the same. Per example: two matrix-vector
 * products forward, one backward, and two rank-one updates of the weights (400 KB and 5 KB of floats).
 * Prints the mean loss of the last hundred examples, so that nothing is optimised away.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { INPUTS = 784, HIDDEN = 128, OUTPUTS = 10 };

static float first[HIDDEN][INPUTS], second[OUTPUTS][HIDDEN];
static float input[INPUTS], hidden[HIDDEN], output[OUTPUTS], at_hidden[HIDDEN], at_output[OUTPUTS];
static uint32_t state = 1;

static float uniform(void)
{
    state = state * 1664525u + 1013904223u;
    return (float)(state >> 8) / (1 << 23) - 1.0f; /* in [-1, 1) */
}

static float dot(const float *a, const float *b, int n)
{
    float sums[8] = {0}, sum = 0;
    for (int i = 0; i < n; i += 8)
        for (int j = 0; j < 8; j++)
            sums[j] += a[i + j] * b[i + j];
    for (int j = 0; j < 8; j++)
        sum += sums[j];
    return sum;
}

static void add_scaled(float *to, const float *from, float scale, int n)
{
    for (int i = 0; i < n; i++)
        to[i] += scale * from[i];
}

static int draw_example(void)
{
    int label = (int)((uniform() + 1.0f) * OUTPUTS / 2);
    for (int i = 0; i < INPUTS; i++)
        input[i] = 0.3f * uniform() + (i % OUTPUTS == label ? 1.0f : 0.0f);
    return label;
}

static float forward(int label)
{
    float largest = -1e30f, total = 0;
    for (int h = 0; h < HIDDEN; h++) {
        float sum = dot(first[h], input, INPUTS);
        hidden[h] = sum > 0 ? sum : 0;
    }
    for (int o = 0; o < OUTPUTS; o++) {
        output[o] = dot(second[o], hidden, HIDDEN);
        largest = output[o] > largest ? output[o] : largest;
    }
    for (int o = 0; o < OUTPUTS; o++)
        total += expf(output[o] - largest);
    for (int o = 0; o < OUTPUTS; o++)
        at_output[o] = expf(output[o] - largest) / total - (o == label);
    return logf(total) - (output[label] - largest);
}

static void backward(float rate)
{
    for (int h = 0; h < HIDDEN; h++)
        at_hidden[h] = 0;
    for (int o = 0; o < OUTPUTS; o++) {
        add_scaled(at_hidden, second[o], at_output[o], HIDDEN);
        add_scaled(second[o], hidden, -rate * at_output[o], HIDDEN);
    }
    for (int h = 0; h < HIDDEN; h++)
        if (hidden[h] > 0)
            add_scaled(first[h], input, -rate * at_hidden[h], INPUTS);
}

int main(int count, char **words)
{
    int examples = count > 1 ? atoi(words[1]) : 100;
    double loss = 0;
    for (int h = 0; h < HIDDEN; h++)
        for (int i = 0; i < INPUTS; i++)
            first[h][i] = 0.05f * uniform();
    for (int o = 0; o < OUTPUTS; o++)
        for (int h = 0; h < HIDDEN; h++)
            second[o][h] = 0.05f * uniform();
    for (int e = 0; e < examples; e++) {
        double now = forward(draw_example());
        loss += e >= examples - 100 ? now : 0;
        backward(0.01f);
    }
    printf("loss %.4f\n", loss / 100);
    return 0;
}
